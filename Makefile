# Everything but make, node and npm is fetched: by `npm ci`, and by apt-get for the tests.

DESTDIR ?=
CNI_BIN_DIR ?= /opt/cni/bin
CNI_CONF_DIR ?= /etc/cni/net.d
BINDIR ?= /usr/local/bin

node = node_modules/.bin/node --disable-warning=ExperimentalWarning
sources = $(shell find plugins ipam flanneld commands resident lib conf scripts/build scripts/build.ts scripts/package.ts -type f)

all: dist/bin/cni ## build and package the executables into dist/bin (the default)

bench: all ## compare speed with the Go plugins, and measure the agent (root; BENCH=quick two minutes, BENCH=full half an hour; BENCH_AGAINST=DIR with dist/bin of another build too)
	$(node) scripts/debian-packages.ts iproute2 iputils-ping iptables strace gcc libc6-dev containernetworking-plugins etcd-server etcd-client
	$(node) scripts/bench.ts
	$(node) scripts/bench-agent.ts

demo: all ## show two nodes with their agents, and the path of a packet between their pods (root)
	$(node) scripts/debian-packages.ts iproute2 iputils-ping iptables tcpdump etcd-server etcd-client
	$(node) scripts/demo.ts

test: compiler dist/bin/cni node_modules/.tap-built ## check types, formatting and rules, run all tests
	node_modules/.bin/node node_modules/.bin/tsc -p .
	node_modules/.bin/node node_modules/.bin/prettier --check --log-level=warn .
	node_modules/.bin/node node_modules/.bin/oxlint --report-unused-disable-directives-severity=error
	$(node) scripts/debian-packages.ts
	$(node) scripts/cnitool.ts
	$(node) scripts/test.ts

test-resident: compiler dist/bin/cni node_modules/.tap-built ## run the tests through the resident server
	$(node) scripts/debian-packages.ts
	CNI_TEST_RESIDENT=1 $(node) scripts/test.ts $(wildcard test/netns/*.test.ts)

test-faults: compiler dist/bin/cni node_modules/.tap-built ## try every fault, where `make test` tries a sample (8 minutes)
	$(node) scripts/debian-packages.ts
	CNI_FAULTS=full $(node) scripts/test.ts $(wildcard test/faults/*.test.ts) test/ipam/host-local/errors.test.ts test/ipam/host-local/killed.test.ts

release: all ## make archives of the executables for x86-64 and arm64 in dist/release (Debian, x86-64, root)
	$(node) scripts/debian-packages.ts iproute2 iputils-ping gcc-aarch64-linux-gnu libc6-dev-arm64-cross libstdc++6-arm64-cross libatomic1-arm64-cross qemu-user-static
	$(node) scripts/release.ts

install: all ## install the plugins to $(DESTDIR)$(CNI_BIN_DIR) and $(DESTDIR)$(CNI_CONF_DIR), flanneld to $(DESTDIR)$(BINDIR)
	install -D --mode=0755 dist/bin/flanneld '$(DESTDIR)$(BINDIR)/flanneld'
	dist/bin/cni install --bin-dir '$(DESTDIR)$(CNI_BIN_DIR)' --conf-dir '$(DESTDIR)$(CNI_CONF_DIR)'

clean: ## remove what was built
	rm -rf dist .tap

help: ## say what the targets are
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST))

dist/bin/cni: node_modules/.package-lock.json $(sources)
	$(node) scripts/build.ts
	$(node) scripts/package.ts

compiler: node_modules/.package-lock.json # in front of a build that is to be tested as a whole
	$(node) scripts/debian-packages.ts gcc libc6-dev

node_modules/.package-lock.json: package-lock.json
	npm ci --ignore-scripts --loglevel=error
	cd node_modules/.bin && ln -sf ../node-linux-*/bin/node . # npm 9 leaves it out
	scripts/runtime-library.sh
	touch $@

node_modules/.tap-built: node_modules/.package-lock.json package.json
	node_modules/.bin/node node_modules/.bin/tap build
	touch $@

.PHONY: all bench demo test test-resident test-faults release install compiler clean help
