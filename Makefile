# Names for the scripts; everything is built by Bazel.

.PHONY: all install setup test bench update demo format ci

all:
	bazel build //:commands

# make install PREFIX=/usr DESTDIR=…
PREFIX ?= /usr/local
install:
	scripts/install --prefix '$(PREFIX)'

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
