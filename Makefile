# The commands of the README. Each does its own set-up.

.PHONY: help build release demo demo-offline test check doc bench chaos clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

build: ## Build sce-probe, sce-collector, sce-cli and sce-lab (release) into target/release
	@lab/setup.sh build
	cargo build --release --workspace --bins

demo: ## The main job on a network of namespaces: marks, drops, flows, paths, verdicts (root)
	@lab/setup.sh demo
	cargo build --release --workspace --bins
	@lab/demo.sh target/release

demo-offline: ## The same from two shipped captures; needs no root
	@lab/setup.sh build
	cargo build --release --workspace --bins
	@lab/demo-offline.sh target/release

test: ## Format, lints, documentation and every test there is
	@lab/setup.sh test
	lab/test.sh

bench: ## CPU time of sce-probe beside libpcap's floor and the peers that are installed (minutes)
	@lab/setup.sh build
	cargo build --release --workspace --bins
	nice target/release/sce-bench run

chaos: ## 1,000 faults into the real programs while captures are replayed: nothing lost, nothing twice (half an hour)
	@lab/setup.sh build
	cargo build --release --workspace --bins
	SCE_CHAOS_FAULTS=1000 cargo test --release -p sce-lab --test chaos -- --nocapture

doc: ## Reference documentation into target/doc
	RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps

clean: ## Remove what was built
	cargo clean
