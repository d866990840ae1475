# Names for the scripts; everything is built by Bazel.

.PHONY: all setup test bench update demo format ci

all:
	bazel build //:commands

setup:
	scripts/setup

test:
	scripts/test

bench:
	scripts/bench

update:
	scripts/test --update

demo:
	scripts/demo

format:
	scripts/format

ci:
	.ci/run
