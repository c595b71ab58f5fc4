# Every task of this repository. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GOLANGCI_VERSION := v2.15.0
GOLANGCI := bin/golangci-lint-$(GOLANGCI_VERSION)

# Packages with goroutines or shared memory; the others are pure functions of their input.
RACE_PACKAGES := ./pkg/consumer/... ./pkg/state/... ./pkg/serve/... ./internal/admin/... ./internal/tune/...

# Runs a command with a real Kafka and a real Redis, named by KAFKA_BROKERS and REDIS_ADDR.
WITH_SERVERS := go run ./internal/testbed/servers

# Releases are compiled by this profile. It has not the name that go finds by itself, since tests would take longer to build.
PROFILE := cmd/streamlearner/streamlearner.pgo

.PHONY: help
help: ## List the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the static binary into bin/
	CGO_ENABLED=0 go build -pgo $(PROFILE) -trimpath -ldflags '-s -w' -o bin/streamlearner ./cmd/streamlearner

.PHONY: demo
demo: ## Run the daemon on embedded servers and a generated fraud stream
	go run ./cmd/streamlearner demo

.PHONY: test
test: provision ## Run every test, real Kafka and Redis included (installs what is missing)
	$(WITH_SERVERS) go test -timeout 20m ./...

# GOGC: a seed lives for a fraction of a millisecond, so collecting rarely costs little memory.
.PHONY: simulate
simulate: ## Run SEEDS (1000000) seeds of the fault simulation on all processors, from SEED (1) on
	go test -c -o build/sim.test ./internal/sim
	cd internal/sim && GOGC=400 ../../build/sim.test -test.run '^TestFaults$$' -test.timeout 0 -progress -seeds $(or $(SEEDS),1000000) -seed $(or $(SEED),1)

.PHONY: soak
soak: provision ## Disturb real processes, Kafka and Redis for FOR (1h), with the faults of SEED (1)
	go test -count 1 -timeout 0 ./internal/e2e -run '^TestSoak$$' -v -args -soak $(or $(FOR),1h) -seed $(or $(SEED),1)

.PHONY: race
race: provision ## Run the tests of the concurrent packages under the race detector
	$(WITH_SERVERS) go test -race -timeout 20m $(RACE_PACKAGES)

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME inputs (20000x)
	@scripts/fuzz.sh $(FUZZTIME)

.PHONY: cover
cover: provision ## Run every test and write a coverage report to build/cover.html
	$(WITH_SERVERS) go test -timeout 20m -coverpkg=./... -coverprofile=build/cover.out ./...
	go tool cover -html=build/cover.out -o build/cover.html
	@go tool cover -func=build/cover.out | tail -n 1

.PHONY: bench
bench: provision ## Run every benchmark, compiled as releases are
	$(WITH_SERVERS) go test -pgo $(CURDIR)/$(PROFILE) -run '^$$' -bench . -benchmem ./...
	cd bench && go test -run '^$$' -bench . -benchmem ./...

.PHONY: bench-compare
bench-compare: ## Compare the speed of replay with Vowpal Wabbit and River (installs them)
	@bench/compare/run.sh $(ARGS)

.PHONY: bench-snapshot
bench-snapshot: provision ## Print what a checkpoint costs, by size of the model and share of it that was learned
	$(WITH_SERVERS) go test -count 1 -timeout 30m ./internal/e2e -run TestSnapshotCost -v -args -snapshot.bits=14,16,18,20,22 -snapshot.shares=0.001,0.01,0.1 $(ARGS)
	go test -run '^$$' -bench BenchmarkCheckpoint -benchtime 100x ./pkg/sgd

.PHONY: wayback
wayback: ## Print how the guard's way back does on recorded streams, clean and poisoned
	go test -count=1 -run TestRealStreams -v ./pkg/learner $(if $(ARGS),-args $(ARGS))

.PHONY: bench-recovery
bench-recovery: provision ## Print how soon the partitions of a killed process learn again, by size of the model
	$(WITH_SERVERS) go test -count 1 -timeout 30m ./internal/e2e -run TestRecoveryTime -v -args -recovery.bits=14,18,20 $(ARGS)

.PHONY: pgo
pgo: ## Renew the profile by which releases are compiled
	@bench/compare/pgo.sh

.PHONY: bench-bandits
bench-bandits: ## Play every bandit policy on data sets and streams, beside Vowpal Wabbit's figures
	cd bench && go run ./bandits -data ../../shared/data/bandit $(ARGS)

.PHONY: bench-guard
bench-guard: ## Count the false alarms of the guard and how soon it finds changes, beside other detectors, and draw docs/guard-study.svg
	cd bench && go run ./drift -workers $$(nproc) $(or $(ARGS),-plot ../docs/guard-study.svg)

.PHONY: table
table: build ## Compare all optimizers on all data sets and write docs/optimizers.md
	go run ./internal/optimizers/table $(ARGS)

.PHONY: lint
lint: $(GOLANGCI) ## Check format, modules, go vet and golangci-lint
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	  if [[ -n $$unformatted ]]; then echo "run gofmt -w on:" $$unformatted >&2; exit 1; fi
	go mod verify
	go mod tidy -diff
	go vet ./...
	cd bench && go vet ./...
	$(GOLANGCI) run --allow-parallel-runners ./...

$(GOLANGCI):
	@mkdir -p bin
	GOBIN=$(CURDIR)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv bin/golangci-lint $@

.PHONY: provision
provision: ## Install what the tests need: redis-server, promtool, Python, Kafka, Go modules
	@scripts/provision.sh

.PHONY: docker
docker: ## Build the container image streamlearner:dev
	docker build -t streamlearner:dev .

.PHONY: clean
clean: ## Remove build results and downloaded servers
	rm -rf bin build
