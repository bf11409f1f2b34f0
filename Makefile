# The commands people type; each is one line over Cargo or `scripts/test`, so that CI and a desk run the same.

CARGO ?= cargo
STEP = scripts/test --only

.PHONY: help demo test ledger fmt lint doc deny house openapi release bench up down

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

demo: ## build Letterhead and watch it send: SQLite in ./data, nothing leaves the machine (ARGS=--once to end by itself)
	$(CARGO) run --locked --package letterhead -- demo $(ARGS)

test: ## every check, in order; fetches what it needs (scripts/test --list names them)
	scripts/test

ledger: ## kill, stop and starve it under load, and account for every message (ARGS="--long --store sqlite"; --help lists more)
	$(CARGO) build --locked --workspace --all-targets
	target/debug/ledger $(ARGS)

fmt: ## format the code
	$(CARGO) fmt --all

lint: ## clippy, warnings denied
	$(STEP) lint

doc: ## the documentation, into the target directory
	$(STEP) doc

deny: ## licences, banned crates and sources of the dependencies
	$(STEP) deny

house: ## the rules no linter knows
	$(STEP) house

openapi: ## write openapi/letterhead.json anew from the code
	$(CARGO) run --locked --quiet --package letterhead -- openapi > openapi/letterhead.json.new
	mv openapi/letterhead.json.new openapi/letterhead.json

release: ## the release build, tried by running the demo once
	$(STEP) release

bench: ## measure it beside its peers, which takes hours (ARGS="--only idle" for one scenario; see bench/README.md)
	$(CARGO) build --locked --release -p letterhead -p bench
	target/release/bench $(ARGS)

up: ## start it on PostgreSQL with a mail inbox, in containers
	scripts/compose-secrets
	docker compose up --build --detach --wait

down: ## stop the containers; the volumes stay
	docker compose down
