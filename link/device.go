package link

// devEUI returns the DevEUI of the device that ThingsBoard calls by name. Boardlink names devices by their DevEUI, so it
// is the name itself; a name that is no DevEUI comes back as it is, and whoever needs one finds that it is none
// ([thingpark.ValidDevEUI]).
func devEUI(name string) string { return name }
