#!/bin/bash
# In a fresh system with this machine's network: fetches what our packages depend on, because the booted machine has no network.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
apt-get update
cd /packages
apt-get install -y --no-install-recommends --download-only ./pushd_*.deb ./libpusher0_*.deb
