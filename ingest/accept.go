package ingest

import (
	"context"
	"errors"
	"time"

	"boardlink/connection"
	"boardlink/queue"
	"boardlink/thingpark"
)

// Queue stores events durably.
type Queue interface {
	// Put returns without an error once the event is on disk.
	Put(ctx context.Context, e queue.Event) (queue.Event, error)
	// PutOnce does so for an event that came with a Token, and remembers it in the same commit. The error is
	// [queue.ErrReplayed] where another event came with it before.
	PutOnce(ctx context.Context, e queue.Event, token queue.Token) (queue.Event, error)
}

// Figures counts what was accepted.
type Figures interface {
	// Accepted counts one uplink of a device. name is the device's as ThingPark knows it and may be empty.
	Accepted(id connection.ID, devEUI, name string, at time.Time)
}

// Credential is what a request showed.
type Credential struct {
	// UplinkKey is the connection's own key, from wherever the request carried it.
	UplinkKey connection.Secret
	// Authorized tells that an API key was accepted that may post uplinks to any connection.
	Authorized bool
}

// Acceptor takes documents in. Its fields must be set and not change; it is safe for concurrent use.
type Acceptor struct {
	Registry *Registry
	Queue    Queue
	Figures  Figures
	Now      func() time.Time // nil is [time.Now]
	Meter    Meter            // may be nil
}

// Authorize checks a credential alone, so that no body need be read for a stranger. Whether a connection exists is told
// only to those who hold an API key: the error is a [connection.Failure] with CodeNotFound for them and
// CodeUnauthorized for everybody else.
func (a *Acceptor) Authorize(id connection.ID, c Credential) error {
	_, err := a.authorize(id, c)
	return err
}

func (a *Acceptor) authorize(id connection.ID, c Credential) (entry, error) {
	e, exists := a.Registry.entry(id)
	now := a.now()
	fits, fitsOld := e.fits(c.UplinkKey), e.fitsOld(c.UplinkKey, now)
	switch {
	case exists && (fits || c.Authorized):
		return e, nil
	case exists && fitsOld:
		e.old.usedAt.Store(now.UnixMilli())
		return e, nil
	case c.Authorized:
		a.refused(refusedUnknown)
		return entry{}, connection.Fail(connection.CodeNotFound, "There is no such connection.")
	case exists:
		e.refusals.add(connection.RefusedKey, now)
	}
	a.refused(string(connection.RefusedKey))
	return entry{}, connection.Fail(connection.CodeUnauthorized, "Uplinks need the connection's uplink key, or an API key.")
}

// Unreadable counts a document that was refused unread, because of its type or its length. Call it only where
// [Acceptor.Authorize] let the request pass.
func (a *Acceptor) Unreadable(id connection.ID) {
	if e, ok := a.Registry.entry(id); ok {
		e.refusals.add(connection.RefusedDocument, a.now())
		a.refused(string(connection.RefusedDocument))
	}
}

// Accept takes in one document of a connection. It returns nil only once the document is on disk. body must not be
// changed afterwards; query is the raw query of the address, of which the Token is a part.
//
// It returns nil too for a document whose Token came with another one before, which is on disk: ThingPark, or a proxy on
// the way, may have missed the first answer. It is not stored again.
//
// Every error is a [connection.Failure]: those of [Acceptor.Authorize], CodeInvalid for a document that cannot be read
// (its cause is [thingpark.ErrTooLarge] where it is too long), CodeUnauthorized for a missing or wrong Token, or one made
// more than [MaxDeviation] from now, where the connection asks for one, and CodeUnavailable where the queue is full, closed
// or broken: ThingPark is then to post elsewhere or again.
func (a *Acceptor) Accept(ctx context.Context, id connection.ID, c Credential, query string, body []byte) error {
	e, err := a.authorize(id, c)
	if err != nil {
		return err
	}
	doc, err := thingpark.Parse(body)
	if err != nil {
		e.refusals.add(connection.RefusedDocument, a.now())
		a.refused(string(connection.RefusedDocument))
		return err
	}
	now := a.now()
	event := eventOf(id, doc, now)
	var token *queue.Token
	if e.verify {
		if token, err = a.verify(e, doc, query, now); err != nil {
			return err
		}
	}
	if token == nil {
		_, err = a.Queue.Put(ctx, event)
	} else {
		_, err = a.Queue.PutOnce(ctx, event, *token)
	}
	if errors.Is(err, queue.ErrReplayed) {
		e.refusals.replayed(now)
		a.refused(refusedReplay)
		return nil
	}
	if err != nil {
		a.refused(reasonOf(err))
		return unavailable(err)
	}
	e.refusals.accepted()
	a.accepted()
	if doc.IsUplink() {
		a.Figures.Accepted(id, doc.DevEUI, doc.Name, now)
	}
	return nil
}

func eventOf(id connection.ID, doc thingpark.Document, now time.Time) queue.Event {
	e := queue.Event{
		Connection: id, DevEUI: doc.DevEUI, Kind: thingpark.ReducedKind(doc.Kind), FCntUp: queue.NoFrame,
		Time: doc.Time, ReceivedAt: now, Body: doc.Body,
	}
	if doc.FCntUp != nil {
		e.FCntUp = *doc.FCntUp
	}
	return e
}

// unavailable tells that a document was not stored. Whatever the cause, the answer must not be a success, and it is not
// the document's fault.
func unavailable(err error) error {
	message := "The document could not be stored; try again."
	switch {
	case errors.Is(err, queue.ErrFull):
		message = "The queue is full; try again later."
	case errors.Is(err, queue.ErrClosed):
		message = "Boardlink is going down; try again soon."
	}
	return &connection.Failure{Code: connection.CodeUnavailable, Message: message, Err: err}
}

func (a *Acceptor) now() time.Time {
	if a.Now != nil {
		return a.Now()
	}
	return time.Now()
}
