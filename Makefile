# make demo   everything at work on this machine
# make test   the tests
# The rest: make help

GO ?= go

.PHONY: help build deb demo test race lint check bench corpus evidence fuzz clean

help: ## says what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

build: ## bin/ventanilla
	$(GO) build -o bin/ventanilla ./cmd/ventanilla

deb: ## build/ventanilla_….deb, for Debian
	packaging/deb build

demo: build ## everything at work on this machine: mail on 127.0.0.1:2525, pages on 127.0.0.1:8080
	bin/ventanilla demo --tour $(ARGS)

test: ## the tests; installs what they need where it may
	scripts/needs swaks chromium dovecot=dovecot-imapd opendkim systemd-analyze=systemd machine:postfix machine:exim4-daemon-light machine:opensmtpd machine:nginx-light machine:pebble
	$(GO) test ./...

race: ## the tests under the race detector
	$(GO) test -race -timeout 30m ./...

lint: ## gofmt, vet and staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "gofmt:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

check: lint test race ## all that must hold before a change lands

bench: ## speed and memory, as ratios to floors measured in the same run
	$(GO) run ./bench $(ARGS)

corpus: ## how much of described mail is read right; DIR=folder of sets, ARGS='-only SET -misses N'
	@$(GO) run ./corpus $(ARGS) $(DIR)

evidence: ## the heavy proofs; CORPUS=DIR names a folder of real mail to prove on
	scripts/needs soffice=libreoffice-calc-nogui
	VENTANILLA_EVIDENCE=1 VENTANILLA_CORPUS="$(CORPUS)" $(GO) test -count=1 -timeout 60m ./...
	$(MAKE) fuzz

FUZZTIME ?= 90s

fuzz: ## the readers of mail, of what proves its sender and of what proxies and smarthosts say against what nobody wrote, FUZZTIME=90s each
	@for package in mail mailin mailin/verify mailout; do for target in $$(grep -ho '^func Fuzz[A-Za-z]*' $$package/*_test.go | sed 's/func //'); do \
		echo "$$target $(FUZZTIME)"; $(GO) test ./$$package -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) || exit 1; done; done

clean: ## what was built
	rm -rf bin build
