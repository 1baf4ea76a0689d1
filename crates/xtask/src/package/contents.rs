//! Which packages there are, and what is in them.

use super::{Facts, VERSION};

/// One Debian package.
pub(super) struct Deb {
    pub(super) name: String,
    pub(super) section: &'static str,
    /// `Depends` beside the shared libraries, and other fields.
    pub(super) depends: Vec<String>,
    pub(super) fields: Vec<(&'static str, String)>,
    /// The first line is the short one.
    pub(super) description: &'static str,
    /// Files or whole folders: where they were installed, where they are packed.
    pub(super) files: Vec<(String, String)>,
    /// What of that is the administrator's to change.
    pub(super) conffiles: Vec<String>,
    /// Scripts and the like, by the names that they have in the package and in `debian/`, or what they say.
    pub(super) control: Vec<(&'static str, Control)>,
}

/// A file of the package's own.
pub(super) enum Control {
    /// A script, in `debian/`.
    Script(&'static str),
    /// Its text.
    Text(String),
}

use Control::{Script, Text};

/// What is installed and in no package: Debian has a place of its own for the license, and its own way to make a user.
pub(super) const NOT_PACKED: &[&str] = &[
    "usr/share/doc/pushd/LICENSE",
    "usr/lib/sysusers.d/pushd.conf",
];

pub(super) fn debs(facts: &Facts) -> [Deb; 4] {
    [daemon(), library(facts), headers(facts), extension(facts)]
}

fn same(path: &str) -> (String, String) {
    moved(path, path)
}

fn moved(from: impl Into<String>, to: impl Into<String>) -> (String, String) {
    (from.into(), to.into())
}

fn daemon() -> Deb {
    Deb {
        name: "pushd".to_owned(),
        section: "net",
        depends: vec!["adduser".to_owned()],
        fields: vec![("Suggests", "apache2 | nginx, php-pusher".to_owned())],
        description: "push for sites that already exist\n\
            A daemon between a site and its visitors: what the site publishes to a\n\
            category reaches at once every browser that is looking at it. Browsers\n\
            speak WAMP v1 over WebSocket; publishers use the PHP extension, the C\n\
            library, HTTP, ZeroMQ or plain JSON.",
        files: vec![
            same("usr/bin"),
            moved("usr/lib/systemd/system", "lib/systemd/system"),
            same("usr/lib/tmpfiles.d"),
            same("usr/share/bash-completion"),
            same("usr/share/fish"),
            moved(
                "usr/share/zsh/site-functions",
                "usr/share/zsh/vendor-completions",
            ),
            same("usr/share/man/man8"),
            moved("usr/share/doc/pushd/pushd.toml", "etc/pushd/pushd.toml"),
            same("usr/share/doc/pushd/INSTALL.md"),
            same("usr/share/doc/pushd/CHANGELOG.md"),
        ],
        conffiles: vec!["/etc/pushd/pushd.toml".to_owned()],
        control: vec![
            ("postinst", Script("pushd.postinst")),
            ("prerm", Script("pushd.prerm")),
            ("postrm", Script("pushd.postrm")),
        ],
    }
}

fn library(facts: &Facts) -> Deb {
    let file = |folder: &str| format!("usr/lib/{folder}libpusher.so.0");
    Deb {
        name: "libpusher0".to_owned(),
        section: "libs",
        depends: Vec::new(),
        fields: vec![
            ("Multi-Arch", "same".to_owned()),
            ("Suggests", "pushd".to_owned()),
        ],
        description: "publish to browsers through pushd - C library\n\
            Publishes events to the browsers that are subscribed at pushd, within a\n\
            deadline, and says how many they were queued to. This package has the\n\
            library for programs that were linked with it.",
        files: vec![moved(file(""), file(&format!("{}/", facts.multiarch)))],
        conffiles: Vec::new(),
        control: vec![
            (
                "shlibs",
                Text(format!("libpusher 0 libpusher0 (>= {VERSION})\n")),
            ),
            ("triggers", Text("activate-noawait ldconfig\n".to_owned())),
        ],
    }
}

fn headers(facts: &Facts) -> Deb {
    let libraries = ["libpusher.so", "libpusher.a", "pkgconfig"].map(|name| {
        moved(
            format!("usr/lib/{name}"),
            format!("usr/lib/{}/{name}", facts.multiarch),
        )
    });
    let mut files = vec![same("usr/include"), same("usr/share/man/man3")];
    files.extend(libraries);
    Deb {
        name: "libpusher-dev".to_owned(),
        section: "libdevel",
        depends: vec![format!("libpusher0 (= {VERSION})")],
        fields: vec![("Multi-Arch", "same".to_owned())],
        description: "publish to browsers through pushd - C headers\n\
            Publishes events to the browsers that are subscribed at pushd, within a\n\
            deadline, and says how many they were queued to. This package has what\n\
            it takes to compile C and C++ programs.",
        files,
        conffiles: Vec::new(),
        control: Vec::new(),
    }
}

fn extension(facts: &Facts) -> Deb {
    let php = &facts.php;
    let ini = format!("etc/php/{}/mods-available/pusher.ini", php.version);
    let library = format!("{}/pusher.so", php.extensions);
    Deb {
        name: format!("php{}-pusher", php.version),
        section: "php",
        depends: vec![format!("phpapi-{}", php.api), "php-common".to_owned()],
        fields: vec![
            ("Provides", "php-pusher".to_owned()),
            ("Suggests", "pushd".to_owned()),
        ],
        description: "publish to browsers through pushd - PHP extension\n\
            Pusher::publish($category, $entry) sends an entry to every browser that\n\
            is looking at the category. A publish never costs the page more than it\n\
            was told to, whatever state pushd is in.",
        files: vec![same(&library), same(&ini)],
        conffiles: vec![format!("/{ini}")],
        control: vec![
            ("postinst", Script("php-pusher.postinst")),
            ("postrm", Script("php-pusher.postrm")),
            // php-fpm's package restarts it then, at removal too.
            (
                "triggers",
                Text(format!(
                    "activate-noawait /etc/php/{}/fpm/conf.d\n",
                    php.version
                )),
            ),
        ],
    }
}
