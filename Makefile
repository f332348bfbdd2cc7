# SPDX-License-Identifier: GPL-2.0
# For people. The kernel's build system reads Kbuild instead.

PREFIX ?= /usr/local
.DEFAULT_GOAL := help
# What a debug kernel runs, at a tenth of the speed, unless T says otherwise.
DEBUG_TESTS = $(patsubst %,tests/qemu/test_%.py,protocol ata lists order lifecycle presence policy \
	access poll stress neighbours stall) $(patsubst %,tests/qemu/%.py,faults sanitizers kunit)
# What a real-time kernel changes something for: locks that sleep, no softirq without a thread.
RT_TESTS = $(patsubst %,tests/qemu/test_%.py,protocol ata lists order lifecycle presence policy \
	access poll stress client durability flood hostile adversary neighbours)
TEST_IN_GUESTS = dev/in-tools tests/run qemu $(if $(K),-k '$(K)') $(if $(ROUNDS),--rounds $(ROUNDS))
.PHONY: help setup setup-tests setup-boot module kvctl deb demo demo-boot test test-unit test-fuzz test-qemu test-soak \
	test-stall test-split test-disks test-debug test-rt test-kernels doc rust-analyzer release in-tree bench bench-quick bench-scaling bench-fairness bench-profile lint fmt shell install uninstall \
	clean distclean-cache update-kernel

# Nobody cleans the cache while something is made, not even between two steps: each target is made by
# another make, which holds it.
ifndef KVBLADE_HELD
HOLDING = $(filter-out help uninstall clean distclean-cache,$(MAKECMDGOALS))
.PHONY: $(HOLDING)
$(HOLDING): ; @dev/hold $(MAKE) --no-print-directory $@
else

setup: ## download and prepare what the others need: tools, kernel, guest image
	@dev/setup

setup-tests: ## prepare what the tests of the packages need as well
	@dev/setup --machine

setup-boot: ## prepare what a machine without a disk boots as well
	@dev/setup --boot

module: setup ## build kvblade_rs.ko for the prepared kernel
	@dev/build

kvctl: setup ## build kvctl, with its manual pages and completions, and print where they are
	@dev/build-kvctl

deb: setup ## build the Debian packages, and print where they are
	@dev/build-deb

demo: module ## export a partition and use it from a second guest, as a transcript
	@dev/in-tools python3 tests/qemu/demo.py

demo-boot: setup-boot module ## a machine without a disk boots from an export, as a transcript; takes 15 minutes
	@dev/in-tools python3 tests/qemu/demo_boot.py

test: setup-tests ## run all tests and lints
	@dev/in-tools tests/run all

test-unit: setup ## run the tests on the host: wire formats, kvctl, models of hand-overs between CPUs
	@dev/in-tools tests/run unit

test-fuzz: setup ## fuzz the wire formats and the command core for a short while
	@dev/in-tools tests/run fuzz

test-qemu: setup-tests module ## run the tests in guests; K=EXPRESSION or T=FILE select some; ROUNDS=15 of stress
	@$(TEST_IN_GUESTS) $(T)

test-soak: module ## I/O over a bad wire while things change; MINUTES=20
	@dev/in-tools tests/run qemu --minutes $(or $(MINUTES),20) tests/qemu/soak.py

test-stall: module ## disks, wires and targets that stand still, for up to three minutes each; takes 45 minutes
	@dev/in-tools tests/run qemu tests/qemu/stall.py

test-split: module ## two targets with one address come to meet while a client writes; takes ten minutes
	@dev/in-tools tests/run qemu tests/qemu/split.py

test-disks: module ## disks of other machines and of other drivers, whose legs and connections go; takes seven minutes
	@dev/in-tools tests/run qemu tests/qemu/disks.py tests/qemu/arrays.py

test-debug: ## tests with a debug kernel (KASAN, lockdep, kmemleak ...), which is built once
	@$(MAKE) --no-print-directory module KERNEL=debug
	@KERNEL=debug $(TEST_IN_GUESTS) $(or $(T),$(DEBUG_TESTS))

test-rt: ## tests with the real-time flavour of the kernel, which is fetched once
	@$(MAKE) --no-print-directory module KERNEL=rt
	@KERNEL=rt $(TEST_IN_GUESTS) $(or $(T),$(RT_TESTS))

test-kernels: ## what docs/kernels.md says of each kernel; KERNELS="7.3 7.2"
	@tests/kernels $(KERNELS)

bench: module ## measure all, beside rivals, into docs/performance.md; ROUNDS=3
	@dev/in-tools env PYTHONPATH=tests/qemu tests/bench/run full $(ROUNDS)

bench-quick: module ## instructions per request, against the baseline; ACCEPT=1 makes it the baseline
	@dev/in-tools env PYTHONPATH=tests/qemu tests/bench/run quick $(if $(ACCEPT),--accept)

bench-scaling: module ## what a second processor brings, by the clock, on an idle machine; ROUNDS=7
	@dev/in-tools env PYTHONPATH=tests/qemu tests/bench/run scaling $(ROUNDS)

bench-fairness: module ## how long a light initiator waits beside greedy ones, into docs/performance.md; ROUNDS=3
	@dev/in-tools env PYTHONPATH=tests/qemu tests/bench/run fairness $(ROUNDS)

bench-profile: module ## where they go, by function; CELL=read:8:16, TARGET=kvblade_rs
	@dev/in-tools env PYTHONPATH=tests/qemu tests/bench/run profile \
		$(or $(CELL),read:8:16) $(or $(TARGET),kvblade_rs)

lint: setup ## check formatting and run all linters
	@dev/in-tools tests/run lint

doc: setup ## make the reference of the sources with rustdoc, and print where it is
	@dev/doc

rust-analyzer: setup ## write rust-project.json for editors, and print where it is
	@dev/rust-analyzer

fmt: setup ## format all sources
	@dev/in-tools dev/lint --fix

shell: module ## a guest with the module and a root prompt; WITH=initiator for a second one
	@dev/in-tools python3 tests/qemu/shell.py $(WITH)

release: setup-tests ## check that all agrees, run all tests, and tag the version in VERSION
	@dev/release

in-tree: ## put the module into a source of the kernel, and build it there; KERNEL_SOURCE=FOLDER
	@dev/in-tree $(KERNEL_SOURCE)

install: ## build and install module, kvctl and scripts for the running kernel
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' dev/install

update-kernel: ## take the newest kernel of the tested series, or of KERNEL=7.2, from the package mirror
	@dev/setup --update-kernel

endif

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]*:.*## / { printf "  %-18s %s\n", $$1, $$2 }' Makefile

uninstall: ## remove what install installed
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' dev/install --remove

clean: ## remove built modules and test results
	@dev/clean

distclean-cache: ## remove the whole cache
	@dev/clean --all
