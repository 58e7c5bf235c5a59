package main

import (
	"context"
	"fmt"
	"io"

	"boardlink/access"
	"boardlink/config"
	"boardlink/connection"
	"boardlink/datadir"
	"boardlink/db"
)

// resetLink prints a one-time link by which a locked-out operator sets a new password. It works beside a running server.
func resetLink(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	cfg, values, err := config.LoadFor([]string{"EMAIL"}, args, environ, stderr)
	if err != nil {
		return err
	}
	log := cfg.Logger(stderr)
	folder, err := datadir.OpenExisting(cfg.DataDir)
	if err != nil {
		return err
	}
	sealer, err := sealerOf(ctx, folder, cfg, log)
	if err != nil {
		return err
	}
	d, err := db.Open(ctx, folder.Database(), db.Options{Sealer: sealer, Log: log, Version: programVersion(), Beside: true})
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	hasher, err := access.NewHasher()
	if err != nil {
		return err
	}
	public := cfg.PublicURL
	if addr := folder.ServedAt(); addr != "" {
		public = cfg.PublicURLFor(addr) // the running server knows its port better than this command's defaults
	}
	people := access.NewPeople(d, access.PeopleOptions{Hasher: hasher, PublicURL: public, Log: log})
	o, link, err := people.ResetFromCommandLine(ctx, values[0])
	if connection.CodeOf(err) == connection.CodeNotFound {
		return connection.Fail(connection.CodeNotFound, "nobody has the e-mail address %s", connection.Clean(values[0]))
	}
	if err != nil {
		return err
	}
	note := ""
	if o.Disabled() {
		note = fmt.Sprintf("%s is disabled. Setting a password with this link enables the account again, as %s.\n", o.Email, o.Role)
	}
	_, err = fmt.Fprintf(stdout, "%sOpen this link within %d minutes to set a new password:\n\n  %s\n\n", note, int(access.SetupTokenLife.Minutes()), link.URL.Reveal())
	return err
}
