# `make run` starts a demo; `make test` runs every check. Both build with the same profile, so that
# RocksDB is built once.

SHELL := /bin/bash
CARGO := cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
BIN := $(TARGET)/release
DATA := data/demo
HTTP := 127.0.0.1:8080
QUIC := 127.0.0.1:4433

.PHONY: run test build prepare prepare-tests fmt clippy doc schema clean-demo

run: build
	@.ci/demo '$(BIN)' '$(DATA)' '$(HTTP)' '$(QUIC)'

test: fmt clippy doc schema prepare-tests
	$(CARGO) test --workspace --release

build: prepare
	$(CARGO) build --workspace --release

prepare:
	@.ci/prepare

prepare-tests:
	@.ci/prepare tests

fmt:
	$(CARGO) fmt --all --check

schema: build
	$(BIN)/truyvet-codegen --check

clippy: prepare
	$(CARGO) clippy --workspace --all-targets --release -- -D warnings

doc: prepare
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --release --document-private-items

clean-demo:
	rm -rf '$(DATA)' '$(DATA).keys'
