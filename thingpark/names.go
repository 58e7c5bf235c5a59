package thingpark

// numericNames are the members of ThingPark's documents that hold numbers. In the content type "JSON untyped" they come
// as texts (LRC-AS tunnel interface, LRC to AS; docs/Message of actility/tpx-iot-flow-doc). Identifiers and hexadecimal
// texts are not among them, although some consist of digits.
var numericNames = setOf(
	// uplink, and what others share with it
	"FPort", "FCntUp", "FCntDn", "AFCntDn", "ADRbit", "ADRAckReq", "ACKbit", "MType", "LrrRSSI", "LrrSNR", "LrrESP",
	"SpFact", "Spfact", "DevLrrCnt", "Late", "LrrLAT", "LrrLON", "Chain", "InstantPER", "MeanPER", "AckRequested",
	"TxPower", "NbTrans", "Frequency", "airtime", "LostUplinksAS", "MaxWaitASResps", "PayloadEncryption",
	"BatteryLevel", "Margin",
	// delivery of downlinks, summaries of multicasts
	"DeliveryStatus", "TransmissionSlot", "LrrCnt", "LrrSuccessCnt", "LrrFailedCnt",
	// location
	"NwGeolocAlgo", "NwGeolocAlgoUsed", "DevLAT", "DevLON", "DevAlt", "DevAcc", "DevLocRadius", "DevAltRadius",
	"DevUlFCntUpUsed", "DevLocDilution", "DevAltDilution", "DevNorthVel", "DevEastVel",
	// alarms
	"ID", "State", "Occurrence", "Acked",
)

// otherNames are the remaining members that come often; knowing them spares a copy of each name.
var otherNames = setOf(
	KindUplink, KindDownlinkSent, KindDownlinkRejected, KindLocation, KindNotification, KindMulticastSummary,
	KindDeviceAlarm, KindBaseStationAlarm,
	"Time", "DevEUI", "DevAddr", "payload_hex", "mic_hex", "payload", "Lrcid", "Lrrid", "SubBand", "Channel", "Lrrs",
	"Lrr", "CustomerID", "CustomerData", "ModelCfg", "DriverCfg", "DynamicClass", "rawMacCommands", "rawJoinRequest",
	"DeliveryFailedCause1", "DeliveryFailedCause2", "DeliveryFailedCause3", "CorrelationID", "Type",
)

// foldedNames holds every name above with its folded form.
var foldedNames = func() map[string]folded {
	all := make(map[string]folded, len(numericNames)+len(otherNames))
	for _, names := range []map[string]struct{}{numericNames, otherNames} {
		for name := range names {
			all[name] = folded{name, fold(name)}
		}
	}
	return all
}()

type folded struct{ name, folded string }

// known returns the name that raw, a JSON text in quotes, spells, and its folded form, where it is a frequent one.
func known(raw []byte) (name, lower string) {
	f := foldedNames[string(raw[1:len(raw)-1])] // no copy is made for a look-up
	return f.name, f.folded
}

// Numeric reports whether a member of that name holds a number, however it is written.
func Numeric(name string) bool {
	_, ok := numericNames[name]
	return ok
}

func setOf(names ...string) map[string]struct{} {
	set := make(map[string]struct{}, len(names))
	for _, n := range names {
		set[n] = struct{}{}
	}
	return set
}
