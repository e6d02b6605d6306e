# One feature set and one target directory for everything, so that nothing is built twice.
FEATURES := --features simulator --locked
BINARY := $(CURDIR)/target/release/rolewarden
PYTHON := .venv/bin/python
CARGO_DENY_VERSION := 0.20.2
CARGO_DENY := $(shell command -v cargo-deny || echo target/tools/bin/cargo-deny)

.PHONY: help demo demo-serve build test test-rust test-moto test-page test-dashboards test-shards dashboards bench lint advisories test-deploy pin-images prometheusrule test-docs sbom dist reproducible

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */\1\t/' | expand -t 18

demo: ## a simulated organization, scanned: no AWS needed
	cargo run --release --features simulator --quiet -- demo

demo-serve: ## the same organization, watched by the daemon: http://127.0.0.1:9797/
	cargo run --release --features simulator --quiet -- demo --serve

build: ## the release binary
	cargo build --release $(FEATURES)

test: test-rust test-moto test-page test-dashboards test-shards test-deploy test-docs ## every test: Rust's, then the release binary: moto, a browser, Prometheus, Kubernetes, the documents

test-rust: ## unit, property, contract and architecture tests
	@if cargo nextest --version >/dev/null 2>&1; then \
		echo cargo nextest run $(FEATURES); cargo nextest run $(FEATURES) && cargo test --doc --quiet $(FEATURES); \
	else \
		echo cargo test $(FEATURES); cargo test $(FEATURES); \
	fi

test-moto: build .venv/.made ## the release binary against moto, an AWS nobody here wrote
	ROLEWARDEN_BIN=$(BINARY) $(PYTHON) -m pytest --quiet tests/moto

test-page: build .venv/.made ## the daemon's page in Chromium, its API under schemathesis
	ROLEWARDEN_BIN=$(BINARY) $(PYTHON) -m pytest --quiet tests/page

test-dashboards: build .venv/.made ## dashboards and rules: their structure, and on a Prometheus that scrapes the daemon
	ROLEWARDEN_BIN=$(BINARY) $(PYTHON) -m pytest --quiet tests/dashboards

test-shards: build .venv/.made ## four processes that share 5,000 accounts, and a Prometheus that says whether all are watched
	ROLEWARDEN_BIN=$(BINARY) $(PYTHON) -m pytest --quiet tests/shards

test-deploy: build target/deploy/.made ## deploy/: image, Kubernetes and systemd by their own checkers, and what they start, started
	ROLEWARDEN_BIN=$(BINARY) target/deploy/bin/python -m pytest --quiet tests/deploy

test-docs: build .venv/.made ## examples of the documents, run; the bill of materials against its schema
	ROLEWARDEN_BIN=$(BINARY) $(PYTHON) -m pytest --quiet tests/docs

dashboards: ## dashboards/*.json from their source
	python3 dashboards/source

pin-images: ## the digests of the images that deploy/ names, from their registries; before a release
	python3 deploy/container/pin.py

prometheusrule: ## deploy/kubernetes/base/prometheusrule.yaml from dashboards/rules
	python3 deploy/kubernetes/prometheusrule.py

.venv/.made: tests/moto/requirements.txt tests/page/requirements.txt tests/dashboards/requirements.txt tests/docs/requirements.txt
	python3 -m venv --clear .venv
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes $(^:%=--requirement %)
	touch $@

# Apart from .venv: the schemas of the Prometheus Operator bring a plugin, which would be loaded into every pytest.
target/deploy/.made: tests/deploy/requirements.txt
	python3 -m venv --clear target/deploy
	target/deploy/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	touch $@

bench: build target/peers/.made ## what a sweep costs beside other clients (benches/README.md): about 20 minutes
	cargo build --release $(FEATURES) --example bench-clients
	benches/sweep.py

target/peers/.made: benches/peers/requirements.txt
	python3 -m venv --clear target/peers
	target/peers/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	touch $@

lint: $(CARGO_DENY) advisories ## format, clippy, documentation, licences, scripts
	cargo fmt --check
	cargo clippy $(FEATURES) --all-targets -- --deny warnings
	cargo clippy --locked -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' cargo doc --no-deps --quiet $(FEATURES)
	$(CARGO_DENY) --all-features --locked check --hide-inclusion-graph bans licenses sources
	shellcheck .ci/run .ci/dist .ci/reproducible tests/deploy/readonly.sh

# The advisories are a repository of its own: without a way to it, say so and go on.
advisories: $(CARGO_DENY)
	@if timeout 60 $(CARGO_DENY) --locked fetch db >/dev/null 2>&1; then \
		$(CARGO_DENY) --all-features --locked check --disable-fetch advisories; \
	else \
		echo '*** ADVISORIES NOT CHECKED: the advisory database could not be fetched from github.com ***' >&2; \
	fi

target/tools/bin/cargo-deny:
	cargo install --locked --root target/tools --target-dir target/tools/build cargo-deny --version $(CARGO_DENY_VERSION)

# TARGET is another target of rustc than this machine's.
TARGET ?= $(shell rustc -vV | sed -n 's/^host: //p')

sbom: ## the bill of materials of a release, CycloneDX as JSON
	@.ci/sbom $(TARGET)

dist: ## a release of this commit under target/dist: archive, bill of materials, hashes
	TARGET=$(TARGET) .ci/dist

reproducible: ## makes the release twice, in two new folders, and compares: two release builds
	.ci/reproducible
