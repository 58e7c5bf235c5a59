# Boardlink's commands. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
TOOL := go tool -modfile=tools/go.mod
PACKAGES := ./...

.PHONY: help run demo build generate css js current vet lint unit e2e test bench fuzz vulncheck soak screenshots timing

help: ## list the commands
	@grep -hE '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9]+):.*## /\1\t/' | expand -t 14

run: ## start Boardlink on http://localhost:8080 with ./data
	go run .

demo: ## start Boardlink with a ThingsBoard sandbox and a simulated fleet
	go run . demo

build: ## make the binary ./boardlink
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o boardlink .

generate: ## make the templ code, the CSS and the script anew
	go tool templ generate -log-level warn
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory css js; \
	elif [ -n "$${CI:-}" ]; then echo "Node 20 is needed to build the CSS and the script." >&2; exit 1; \
	else echo "Node is not here: the CSS and the script stay as committed."; fi

# Not npm ci: it refuses where a registry lacks the optional packages of other platforms. What is installed must be what
# package.json pins: another version would make other files.
node_modules/.made: package.json
	@npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

css: node_modules/.made
	node_modules/.bin/tailwindcss -i web/app.css -o static/app.css --minify 2>/dev/null

js: node_modules/.made
	node_modules/.bin/esbuild static/scripts/app.js --bundle --minify --format=iife --target=es2022 --outfile=static/app.min.js --log-level=warning

# Generated files are committed. This makes them anew and fails where the committed ones were not what comes out.
current:
	@before=$$(git ls-files -z '*_templ.go' static/app.css static/app.min.js | xargs -0 sha256sum); \
	$(MAKE) --no-print-directory generate; \
	after=$$(git ls-files -z '*_templ.go' static/app.css static/app.min.js | xargs -0 sha256sum); \
	if [ "$$before" != "$$after" ] || [ -n "$$(git ls-files --others --exclude-standard '*_templ.go')" ]; then \
	  echo "Generated files were out of date. They are current now: commit them." >&2; exit 1; fi

vet:
	go vet $(PACKAGES)
	go vet -tags e2e ./e2e/...
	@unformatted=$$(git ls-files -z --cached --others --exclude-standard '*.go' ':!*_templ.go' | xargs -0 gofmt -l); \
	if [ -n "$$unformatted" ]; then echo "Not formatted: $$unformatted" >&2; exit 1; fi

lint: vet ## vet, staticcheck, errcheck, gosec
	$(TOOL) staticcheck $(PACKAGES)
	$(TOOL) errcheck -ignoregenerated -ignoretests -exclude tools/errcheck.txt $(PACKAGES)
	go -C tools run ./gosec ..

unit:
	go test -race -shuffle=on -count=1 -timeout 10m $(PACKAGES)

e2e: ## the journeys in real Chromium, and against Mosquitto
	@scripts/ensure-chromium
	@scripts/ensure-mosquitto
	go test -tags e2e -shuffle=on -count=1 -timeout 40m ./e2e/...

test: current lint unit e2e ## everything: what CI runs
	@echo "All checks passed."

bench: ## measure
	go test -run '^$$' -bench . -benchmem ./...
	go test -tags e2e -run '^$$' -bench BenchmarkThroughput -benchtime 50000x ./e2e
	go test -tags e2e -run '^$$' -bench BenchmarkAPI -benchtime 1000x ./e2e

timing: ## what the console's readers wait for, printed beside its goals (some minutes; judges nothing)
	@scripts/ensure-chromium
	BOARDLINK_TIMING=1 go test -tags e2e -count=1 -v -timeout 30m -run TestTiming ./e2e

FUZZTIME ?= 5m
fuzz: ## every fuzz target for 5 minutes, until the first finding (FUZZTIME=30s: shorter; FUZZ="Cells Salvage": those alone)
	@scripts/fuzz $(FUZZTIME) $(FUZZ)

vulncheck: ## known vulnerabilities in what we build on; asks vuln.go.dev
	@scripts/vulncheck

SOAK ?= 30m
soak: ## 200 links for 30 minutes while things go wrong (SOAK=10m: shorter; SOAKFLAGS="-rate 2 -seed 7")
	go run ./faults/soak -for $(SOAK) $(SOAKFLAGS)

screenshots: ## make the pictures of the documents anew
	@scripts/ensure-chromium
	BOARDLINK_SCREENSHOTS=$(CURDIR)/docs/screenshots go test -tags e2e -count=1 -run TestScreenshots ./e2e/...
