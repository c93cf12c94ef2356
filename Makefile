# The commands of the README. Each does its own set-up.

.PHONY: help build demo demo-offline first-plot test bench chaos deb doc clean

# What a demo needs, in about half of the processor time of a release: not optimised, without PNG and Parquet files.
QUICK = cargo build --profile demo --no-default-features --features sce-probe/ebpf --bin sce-probe --bin sce-collector --bin sce-cli

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

build: ## Build sce-probe, sce-collector, sce-cli and sce-lab (release) into target/release
	@lab/setup.sh build
	cargo build --release --workspace --bins

demo: ## The main job on a network of namespaces: marks, drops, flows, paths, verdicts, a figure (root)
	@lab/setup.sh demo
	$(QUICK) --bin sce-lab
	@lab/demo.sh target/demo

demo-offline: ## The same from two shipped captures; needs no root
	@lab/setup.sh offline
	$(QUICK)
	@lab/demo-offline.sh target/demo

first-plot: ## The README's first ten minutes in a fresh clone, each step with its time
	@lab/first-plot.sh

test: ## Format, lints, documentation and every test there is
	@lab/setup.sh test
	lab/test.sh

bench: ## CPU time of sce-probe beside libpcap's floor and the peers that are installed (minutes)
	@lab/setup.sh build
	cargo build --release --workspace --bins
	nice target/release/sce-bench run

# Not optimised: overflows are caught, and `make test` has built it already.
chaos: ## 1,000 faults into the real programs while captures are replayed: nothing lost, nothing twice (half an hour; root)
	@lab/setup.sh test
	cargo build --workspace --bins
	SCE_CHAOS_FAULTS=1000 cargo test -p sce-lab --test faults -- --ignored --nocapture

deb: ## Debian packages of sce-probe, sce-collector and sce-cli into target/deb
	@lab/setup.sh build
	cargo build --release --workspace --bins
	packaging/build.sh target/release target/deb

doc: ## Reference documentation into target/doc
	RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps

clean: ## Remove what was built
	cargo clean
