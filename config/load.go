package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"
)

// maxSecretFile bounds what is read from a file that a _FILE variable names.
const maxSecretFile = 64 << 10

// ErrHelp is returned by [Load] when help was asked for and given: the program ends with code 0.
var ErrHelp = errors.New("help was asked for")

// Command splits the program's arguments into the command and what comes after it. Without a command it is "serve".
func Command(args []string) (name string, rest []string) {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return "serve", args
	}
	return args[0], args[1:]
}

// Load reads the settings of a command that takes no arguments but flags: defaults, then the environment (as
// os.Environ gives it), then flags. An error is a [*UsageError], or [ErrHelp] after the help was written to stderr.
func Load(args, environ []string, stderr io.Writer) (Config, error) {
	c, _, err := LoadFor(nil, args, environ, stderr)
	return c, err
}

// LoadFor is [Load] for a command that takes arguments: names are what they are called ("EMAIL"), values what they are,
// one each. Flags may stand before and after them.
func LoadFor(names, args, environ []string, stderr io.Writer) (c Config, values []string, err error) {
	c = Default()
	if err := c.readEnvironment(environ); err != nil {
		return Config{}, nil, err
	}
	values, err = c.readFlags(args)
	if errors.Is(err, ErrHelp) {
		writeHelp(stderr)
		return Config{}, nil, err
	}
	if err != nil {
		return Config{}, nil, err
	}
	switch {
	case len(values) > len(names):
		return Config{}, nil, &UsageError{values[len(names)], "is one argument too many"}
	case len(values) < len(names):
		return Config{}, nil, &UsageError{names[len(values)], "is missing"}
	}
	if !c.PublicURLGiven {
		_, port, _ := net.SplitHostPort(c.Addr) // checked before
		c.PublicURL = c.localURL(port)
	}
	if err := c.Validate(); err != nil {
		return Config{}, nil, err
	}
	return c, values, nil
}

func (c *Config) readEnvironment(environ []string) error {
	env := map[string]string{}
	for _, line := range environ {
		if name, value, ok := strings.Cut(line, "="); ok && strings.HasPrefix(name, prefix) {
			env[name] = value
		}
	}
	for _, s := range settings {
		value, from, err := lookUp(s, env)
		if err != nil {
			return err
		}
		delete(env, s.env)
		if s.secret {
			delete(env, s.env+"_FILE")
		}
		if value == "" {
			continue
		}
		if err := s.set(c, value); err != nil {
			return &UsageError{from, err.Error()}
		}
	}
	for name := range env {
		c.Warnings = append(c.Warnings, fmt.Sprintf("The variable %.100q is not one of Boardlink's settings and is ignored.", name))
	}
	slices.Sort(c.Warnings)
	if c.Development {
		c.Warnings = append(c.Warnings, "BOARDLINK_DEVELOPMENT is true: pages for developers are offered. It is not for an installation that people rely on.")
	}
	return nil
}

// lookUp gives a setting's value and the variable that it came from. An empty variable is as good as none.
func lookUp(s setting, env map[string]string) (value, from string, err error) {
	value = env[s.env]
	file := ""
	if s.secret {
		file = env[s.env+"_FILE"]
	}
	if file == "" {
		return value, s.env, nil
	}
	from = s.env + "_FILE"
	if value != "" {
		return "", from, &UsageError{from, "set it or " + s.env + ", not both"}
	}
	value, err = readSecret(file)
	if err != nil {
		return "", from, &UsageError{from, err.Error()}
	}
	return value, from, nil
}

// readSecret reads a secret's file without the line break at its end.
func readSecret(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", unreadable(err)
	}
	defer func() { _ = f.Close() }() // only read
	b, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return "", unreadable(err)
	}
	if len(b) > maxSecretFile {
		return "", errors.New("the file is too large for a secret")
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if text == "" {
		return "", errors.New("the file is empty")
	}
	return text, nil
}

// unreadable leaves the path out: the variable that is named beside it tells where to look.
func unreadable(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return fmt.Errorf("the file cannot be read: %w", err)
}

// readFlags takes flags out of the arguments: --name value, --name=value, with one dash or two. After "--" nothing is a
// flag. What is left are the command's own arguments.
func (c *Config) readFlags(args []string) (values []string, err error) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			return append(values, args...), nil
		}
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			values = append(values, arg)
			continue
		}
		name, value, given := strings.Cut(strings.TrimPrefix(arg[1:], "-"), "=")
		if name == "help" || name == "h" {
			return nil, ErrHelp
		}
		i := slices.IndexFunc(settings, func(s setting) bool { return s.flag != "" && s.flag == name })
		shown := fmt.Sprintf("--%.100s", name)
		if i < 0 {
			return nil, &UsageError{shown, "there is no such flag; --help lists them"}
		}
		if !given {
			if len(args) == 0 {
				return nil, &UsageError{shown, "needs a value"}
			}
			value, args = args[0], args[1:]
		}
		if value == "" {
			return nil, &UsageError{shown, "needs a value"}
		}
		if err := settings[i].set(c, value); err != nil {
			return nil, &UsageError{shown, err.Error()}
		}
	}
	return values, nil
}

func writeHelp(w io.Writer) {
	var b strings.Builder
	b.WriteString("Boardlink connects ThingPark to ThingsBoard.\n\n" +
		"Usage: boardlink [serve|demo|version|reset-link EMAIL] [flags]\n\nFlags:\n")
	defaults := Default()
	for _, s := range settings {
		if s.flag != "" {
			fmt.Fprintf(&b, "  --%-12s %s (%s; default %s)\n", s.flag, s.help, s.env, s.show(&defaults))
		}
	}
	b.WriteString("\nEnvironment only:\n")
	for _, s := range settings {
		if s.flag != "" {
			continue
		}
		name := s.env
		if s.secret {
			name += "[_FILE]"
		}
		fmt.Fprintf(&b, "  %s\n      %s\n", name, s.help)
	}
	_, _ = io.WriteString(w, b.String()) // nobody is left to tell
}
