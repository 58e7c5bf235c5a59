package demo

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// model is a kind of LoRaWAN device: what its driver decodes, and the bytes that it would have sent.
type model struct {
	name    string // as in CustomerData.name, with a number added
	producr string // "manufacturer:model:version" of the driver
	fport   int
	every   time.Duration // mean time between uplinks
	measure func(d *device, at time.Time) (payload map[string]any, raw []byte)
}

// models are the devices one meets in the field: indoor climate, water, tracking, parking, power.
var models = []model{
	{"Office climate", "demo:climate:1", 2, 9 * time.Second, func(d *device, at time.Time) (map[string]any, []byte) {
		temperature := 21 + 3*d.daily(at) + d.noise(0.3)
		humidity := 45 - 8*d.daily(at) + d.noise(1)
		co2 := 600 + 250*d.daily(at) + d.noise(20)
		return map[string]any{"temperature": round(temperature, 1), "humidity": round(humidity, 0), "co2": round(co2, 0), "batteryVoltage": d.battery()},
			words(temperature*10, humidity, co2)
	}},
	{"Water meter", "demo:water-meter:1", 10, 12 * time.Second, func(d *device, at time.Time) (map[string]any, []byte) {
		d.total += 0.5 + math.Abs(d.noise(2))
		leak := d.total > 40 && d.random.IntN(40) == 0
		return map[string]any{"volume": map[string]any{"total": round(d.total, 1), "unit": "l"}, "leak": leak, "batteryVoltage": d.battery()},
			words(d.total*10, flagOf(leak))
	}},
	{"Asset tracker", "demo:tracker:1", 17, 10 * time.Second, func(d *device, at time.Time) (map[string]any, []byte) {
		d.lat += d.noise(0.0004)
		d.lon += d.noise(0.0004)
		moving := d.random.IntN(3) > 0
		return map[string]any{"messageType": "POSITION", "position": map[string]any{"latitude": round(d.lat, 6), "longitude": round(d.lon, 6), "accuracy": 5 + d.random.IntN(20)}, "moving": moving, "batteryVoltage": d.battery()},
			words((d.lat-43)*10000, (d.lon-7)*10000, flagOf(moving))
	}},
	{"Parking space", "demo:parking:1", 3, 15 * time.Second, func(d *device, at time.Time) (map[string]any, []byte) {
		if d.random.IntN(3) == 0 {
			d.occupied = !d.occupied
		}
		return map[string]any{"occupied": d.occupied, "batteryVoltage": d.battery()}, words(flagOf(d.occupied))
	}},
	{"Power meter", "demo:power-meter:1", 5, 8 * time.Second, func(d *device, at time.Time) (map[string]any, []byte) {
		power := 1800 + 900*d.daily(at) + d.noise(150)
		d.total += power / 3600 / 100
		return map[string]any{"power": round(power, 0), "energy": round(d.total, 2), "voltage": round(230+d.noise(2), 1)}, words(power, d.total*100)
	}},
}

// device is one simulated LoRaWAN device. Its fleet is its only user.
type device struct {
	model
	devEUI  string
	devAddr string
	label   string
	random  *rand.Rand

	fcntUp, fcntDn int
	total          float64
	lat, lon       float64
	occupied       bool
	lastCommand    string // payload of the last downlink, hexadecimal
	commands       int
	born           time.Time
}

func newDevice(n int, at time.Time, random *rand.Rand) *device {
	m := models[n%len(models)]
	return &device{
		model: m, devEUI: fmt.Sprintf("02B0A2D1%08X", 0xC0DE00+n+1), devAddr: fmt.Sprintf("04D2%04X", 0x8400+n), label: fmt.Sprintf("%s %d", m.name, n/len(models)+1),
		random: random, lat: 43.6155, lon: 7.0662, born: at, fcntUp: random.IntN(200),
	}
}

// daily swings between -1 and 1 over a day of ten minutes, so that a chart shows something while one watches.
func (d *device) daily(at time.Time) float64 {
	return math.Sin(2 * math.Pi * at.Sub(d.born).Minutes() / 10)
}

func (d *device) noise(width float64) float64 { return (d.random.Float64()*2 - 1) * width }

func (d *device) battery() float64 { return round(3.6-float64(d.fcntUp)/20000, 2) }

// uplink makes the document that ThingPark would post for the device's next frame.
func (d *device) uplink(at time.Time) []byte {
	d.fcntUp++
	payload, raw := d.measure(d, at)
	if d.commands > 0 {
		payload["lastCommand"] = d.lastCommand
		payload["commandsReceived"] = d.commands
	}
	rssi, snr := round(-70+d.noise(25), 1), round(7+d.noise(5), 2)
	gateway := fmt.Sprintf("080503%02X", 0x70+d.random.IntN(3))
	sf := 7 + d.random.IntN(4)
	doc := map[string]any{"DevEUI_uplink": map[string]any{
		"Time": at.Format("2006-01-02T15:04:05.000Z07:00"), "DevEUI": d.devEUI, "FPort": d.fport, "FCntUp": d.fcntUp, "ADRbit": 1, "MType": 2, "FCntDn": d.fcntDn,
		"payload_hex": hex.EncodeToString(raw), "mic_hex": fmt.Sprintf("%08x", d.random.Uint32()), "Lrcid": "00000127",
		"LrrRSSI": rssi, "LrrSNR": snr, "LrrESP": round(rssi-0.5, 6), "SpFact": sf, "SubBand": "G1", "Channel": fmt.Sprintf("LC%d", 1+d.random.IntN(3)),
		"DevLrrCnt": 1, "Lrrid": gateway, "Late": 0, "LrrLAT": 43.615501, "LrrLON": 7.066182,
		"Lrrs":       map[string]any{"Lrr": []any{map[string]any{"Lrrid": gateway, "Chain": 0, "LrrRSSI": rssi, "LrrSNR": snr, "LrrESP": round(rssi-0.5, 6)}}},
		"CustomerID": "100009999", "CustomerData": map[string]any{"alr": map[string]any{"pro": "DEMO/" + d.producr, "ver": "1"}, "tags": []string{"site=Demo"}, "name": d.label},
		"ModelCfg": "0", "DriverCfg": map[string]any{"app": map[string]any{"pId": "demo", "mId": d.producr, "ver": "1"}},
		"InstantPER": 0.0, "MeanPER": 0.0, "DevAddr": d.devAddr, "AckRequested": 0, "TxPower": 14.0, "NbTrans": 1, "Frequency": 868.1, "DynamicClass": "A",
		"payload": payload,
	}}
	body, err := json.Marshal(doc)
	if err != nil {
		panic(err) // numbers, strings and maps of them always encode
	}
	return body
}

// sent makes the report that ThingPark would post once the downlink went over the air.
func (d *device) sent(at time.Time, fport int, correlationID string) []byte {
	d.fcntDn++
	doc := map[string]any{"DevEUI_downlink_Sent": map[string]any{
		"Time": at.Format("2006-01-02T15:04:05.000Z07:00"), "DevEUI": d.devEUI, "FPort": fport, "FCntDn": d.fcntDn, "FCntUp": d.fcntUp, "Lrcid": "00000127",
		"SpFact": 9, "SubBand": "G1", "Channel": "LC2", "Lrrid": "08050370", "DeliveryStatus": 1, "DeliveryFailedCause1": "00", "DeliveryFailedCause2": "00", "DeliveryFailedCause3": "00",
		"CorrelationID": correlationID, "CustomerID": "100009999", "CustomerData": map[string]any{"name": d.label}, "TransmissionSlot": 1, "Frequency": 868.3,
	}}
	body, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	return body
}

func round(v float64, digits int) float64 {
	p := math.Pow10(digits)
	return math.Round(v*p) / p
}

func flagOf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// words packs each value as a big-endian 16-bit word, as small sensors do.
func words(values ...float64) []byte {
	out := make([]byte, 0, 2*len(values))
	for _, v := range values {
		w := uint16(int64(math.Round(v)))
		out = append(out, byte(w>>8), byte(w))
	}
	return out
}
