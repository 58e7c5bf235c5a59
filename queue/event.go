package queue

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"hash/fnv"
	"time"

	"boardlink/connection"
)

// NoFrame is the [Event.FCntUp] of a document that bears no uplink frame counter.
const NoFrame = -1

// MaxParked is how many events of one connection can be parked. Beyond it [Lanes.Park] gives [ErrParkedFull].
const MaxParked = 10_000

// The errors of this package. All of them are returned wrapped or bare; compare with errors.Is.
var (
	ErrFull           = errors.New("the queue is full")                         // Put: try again later
	ErrClosed         = errors.New("the queue is closed")                       // the program is going down
	ErrFenced         = errors.New("another consumer took over the connection") // these Lanes are no longer valid
	ErrNotOutstanding = errors.New("the event is not outstanding")              // settled before, or never taken
	ErrParkedFull     = errors.New("the connection has too many parked events") // let the device's lane wait
	errHeld           = errors.New("another process works on the queue's file")
	ErrReplayed       = errors.New("the Token came with another event before")    // PutOnce: that event is stored, this one is not
	ErrTooLarge       = errors.New("the event is larger than the queue can hold") // body over MaxBody
)

// MaxBody is the largest document the queue takes, in bytes. Ingest stops far below it.
const MaxBody = 16 << 20

// Event is one document that waits for delivery.
type Event struct {
	ID         int64 // assigned by Put: connection<<40 | sequence
	Connection connection.ID
	DevEUI     string // upper case; empty for a document about no device
	Kind       string // root of the document: "DevEUI_uplink"
	FCntUp     int64  // uplink frame counter, NoFrame where there is none
	Time       time.Time
	ReceivedAt time.Time
	TS         int64 // assigned by Put: milliseconds since 1970, unique for the device
	Attempts   int   // deliveries that were tried and refused
	Body       []byte
}

// ParkedEvent is an event that was put aside for a person to look at.
type ParkedEvent struct {
	Event
	Code     connection.ReasonCode
	Reason   string
	ParkedAt time.Time
}

const (
	sequenceBits = 40
	sequenceMask = 1<<sequenceBits - 1
	maxID        = 1<<(63-sequenceBits) - 1
)

// floorOf is the id below the first one of a connection.
func floorOf(id connection.ID) int64 { return int64(id) << sequenceBits }

// ceilingOf is the id above the last one of a connection.
func ceilingOf(id connection.ID) int64 {
	if id >= maxID {
		return 1<<63 - 1
	}
	return int64(id+1) << sequenceBits
}

func connectionOf(id int64) connection.ID { return connection.ID(id >> sequenceBits) }

// laneOf names the lane of a device: its connection, then 40 bits of a hash. Two devices of one connection that share
// a hash share a lane, which costs them some speed and nothing else.
func laneOf(id connection.ID, devEUI string) int64 {
	h := fnv.New64a()
	h.Write([]byte(devEUI))
	sum := h.Sum64()
	return floorOf(id) | int64((sum^sum>>sequenceBits)&sequenceMask)
}

// charge is the room that an event takes on disk, about: its row, its place in the index, its stamp, and the part of a
// page that stays empty.
func charge(content int) int64 { return int64(content + content/8 + 256) }

func chargeOf(e *Event) int64 { return charge(len(e.DevEUI) + len(e.Kind) + len(e.Body)) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum covers all of a stored event that never changes, so that a bit that the disk flipped is noticed before it
// travels on.
func checksum(e *Event) int64 {
	var fixed [48]byte
	binary.LittleEndian.PutUint64(fixed[0:], uint64(e.ID))
	binary.LittleEndian.PutUint64(fixed[8:], uint64(e.FCntUp))
	binary.LittleEndian.PutUint64(fixed[16:], uint64(micros(e.Time)))
	binary.LittleEndian.PutUint64(fixed[24:], uint64(micros(e.ReceivedAt)))
	binary.LittleEndian.PutUint64(fixed[32:], uint64(e.TS))
	binary.LittleEndian.PutUint32(fixed[40:], uint32(len(e.DevEUI)))
	binary.LittleEndian.PutUint32(fixed[44:], uint32(len(e.Kind)))
	sum := crc32.Update(0, castagnoli, fixed[:])
	sum = crc32.Update(sum, castagnoli, []byte(e.DevEUI))
	sum = crc32.Update(sum, castagnoli, []byte(e.Kind))
	return int64(crc32.Update(sum, castagnoli, e.Body))
}

// noTime stands for the zero time in the file and in checksums.
const noTime = -1 << 63

func micros(t time.Time) int64 {
	if t.IsZero() {
		return noTime
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == noTime {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}
