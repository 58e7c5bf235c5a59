package web

// Development reports whether pages for developers are offered.
func (s *Server) Development() bool { return s.development }
