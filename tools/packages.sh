# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
# To be sourced: installs Debian packages, but only those that are missing.

build_packages="gcc libc6-dev pkg-config meson ninja-build liborc-0.4-dev liborc-0.4-dev-bin libglib2.0-dev
  libjson-glib-dev zlib1g-dev libpango1.0-dev libcairo2-dev libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev"
test_packages="g++ gobject-introspection libgirepository1.0-dev gi-docgen
  gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-base-apps gstreamer1.0-plugins-good
  gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly libgtk-3-dev gstreamer1.0-gtk3 xvfb libgstrtspserver-1.0-dev
  python3 python3-gi python3-numpy python3-pil gir1.2-gst-plugins-base-1.0"
demo_packages="gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
  gstreamer1.0-plugins-ugly gstreamer1.0-libav fonts-dejavu-core python3-numpy python3-pil"

missing_packages () {
  for package; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || printf '%s ' "$package"
  done
}

# install_missing PACKAGE...
install_missing () {
  local missing as_root=
  if ! command -v dpkg-query >/dev/null; then
    echo "This is no Debian; trusting that these are there, by whatever names: $*" >&2
    return 0
  fi
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "These packages are missing, and neither root nor sudo is here to install them. As root, run:" >&2
      echo "  apt-get install $missing" >&2
      return 1
    fi
    as_root=sudo
  fi
  echo "Installing $missing"
  if ! $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing \
      >/dev/null 2>&1; then
    $as_root apt-get update -qq \
      && $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing \
        >/dev/null || {
      echo "apt-get cannot install them: is there a network, and Debian 12 (bookworm) or later in sources.list?" >&2
      return 1
    }
  fi
}
