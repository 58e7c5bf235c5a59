package link

import (
	"context"

	"boardlink/connection"
	"boardlink/queue"
	"boardlink/thingsboard"
)

// FromThingsBoard returns the [Opener] that opens real clients with the given options; BeforeRelogin is the link's.
func FromThingsBoard(opt thingsboard.Options) Opener {
	return func(c connection.Connection, beforeRelogin func(context.Context) error) (Client, error) {
		opt := opt
		opt.BeforeRelogin = beforeRelogin
		client, err := thingsboard.NewClient(accountOf(c.Configuration), opt)
		if err != nil {
			return nil, err
		}
		return realClient{client}, nil
	}
}

// accountOf is what settings say of an account.
func accountOf(cfg connection.Configuration) thingsboard.Account {
	return thingsboard.Account{
		HostName:      cfg.HostName,
		Username:      cfg.Username,
		Password:      cfg.Password,
		Protocol:      cfg.Protocol,
		RestURL:       cfg.RestURL,
		MQTTHostName:  cfg.MQTTHostName,
		CACertificate: cfg.CACertificate,
	}
}

// realClient is a [thingsboard.Client] whose sessions are [Session]s.
type realClient struct{ *thingsboard.Client }

func (c realClient) Connect(ctx context.Context, ep thingsboard.MQTTEndpoint, g thingsboard.Gateway) (Session, error) {
	session, err := c.Client.Connect(ctx, ep, g)
	if err != nil {
		return nil, err
	}
	return session, nil
}

// FromQueue returns the [Queue] that is the real one.
func FromQueue(q *queue.Queue) Queue { return realQueue{q} }

// realQueue is a [queue.Queue] whose lanes are [Lanes].
type realQueue struct{ *queue.Queue }

func (r realQueue) Lanes(id connection.ID) Lanes { return r.Queue.Lanes(id) }
