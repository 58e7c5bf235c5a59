// Package demo is what `boardlink demo` adds around the product: a fleet of simulated LoRaWAN devices that post uplinks
// as ThingPark does, a simulated ThingPark that takes downlinks, and a page that shows both beside what the ThingsBoard
// sandbox received. Nothing here runs in production; all of it listens on loopback.
package demo
