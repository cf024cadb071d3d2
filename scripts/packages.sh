# Which Debian packages a job needs, and how they come onto the machine. Sourced, not run.
#
# Every list is "probe package": the package is installed only if its probe fails, so a machine
# that has the thing from elsewhere (a newer Node, another ffmpeg) keeps it.

need_build="
cc gcc
make make
pkg-config pkg-config
lib:gstreamer-1.0 libgstreamer1.0-dev
lib:gstreamer-app-1.0 libgstreamer-plugins-base1.0-dev
"
need_run="
element:videoconvert gstreamer1.0-plugins-base
element:rtspsrc gstreamer1.0-plugins-good
element:h264timestamper gstreamer1.0-plugins-bad
element:x264enc gstreamer1.0-plugins-ugly
element:avenc_aac gstreamer1.0-libav
element:alsasrc gstreamer1.0-alsa
element:pulsesrc gstreamer1.0-pulseaudio
font:DejaVuSans fonts-dejavu-core
font:DroidSansFallback fonts-droid-fallback
gst-launch-1.0 gstreamer1.0-tools
"
need_stage="
ffprobe ffmpeg
Xvfb xvfb
xclock x11-apps
pulseaudio pulseaudio
pactl pulseaudio-utils
"
need_test="
chromium chromium
chromedriver chromium-driver
cage cage
Xwayland xwayland
curl curl
setpriv util-linux
font:NotoSansArabic fonts-noto-core
font:NotoSansCJK fonts-noto-cjk
node nodejs
npm npm
typelib:GstRtspServer-1.0 gir1.2-gst-rtsp-server-1.0
python:gi python3-gi
python:ensurepip python3-venv
systemd-analyze systemd
sqlite3 sqlite3
promtool prometheus
"
need_package="
dpkg-shlibdeps dpkg-dev
strip binutils
lintian lintian
"

present() {
    case $1 in
        lib:*) pkg-config --exists "${1#lib:}" 2>/dev/null ;;
        element:*) gst-inspect-1.0 --exists "${1#element:}" 2>/dev/null ;;
        typelib:*) ls /usr/lib/*/girepository-1.0/"${1#typelib:}".typelib >/dev/null 2>&1 ;;
        font:*) find /usr/share/fonts "$HOME/.fonts" -name "${1#font:}*" 2>/dev/null | grep -q . ;;
        python:*) /usr/bin/python3 -c "import ${1#python:}" 2>/dev/null ;;
        *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

# install_packages LIST...: says what is missing, then installs it.
install_packages() {
    missing=$(printf '%s\n' "$@" | while read -r probe package; do
        if [ -n "$probe" ] && ! present "$probe"; then echo "$package"; fi
    done | sort -u)
    if [ -n "$missing" ]; then
        echo "Missing here, to be installed with apt:" $missing
        as_root=
        if [ "$(id -u)" != 0 ]; then
            if ! command -v sudo >/dev/null 2>&1; then
                echo "This needs root. Run as root, once: apt-get install --no-install-recommends" $missing >&2
                return 1
            fi
            as_root=sudo
        fi
        $as_root apt-get update -qq
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing \
            >/dev/null
    fi
    need_rust
}

need_rust() {
    wanted=$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
    if ! command -v cargo >/dev/null 2>&1; then
        if apt-cache show rustup >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
            echo "Missing here, to be installed with apt: rustup; then Rust's stable toolchain"
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq rustup >/dev/null
            rustup default stable
        else
            echo "Rust $wanted or newer is needed: install it with rustup, then run this again." >&2
            return 1
        fi
    fi
    have=$(cargo --version | cut -d' ' -f2)
    if [ "$(printf '%s\n%s\n' "$wanted" "$have" | sort -V | head -n 1)" != "$wanted" ]; then
        echo "Rust $have is too old: $wanted or newer is needed. Try: rustup update stable" >&2
        return 1
    fi
}
