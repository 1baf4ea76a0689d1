dnl phpize && ./configure && make: what PIE does to install an extension, and what everybody knows
dnl who has ever built one. Cargo compiles it; all that is said here is which PHP it is for.

PHP_ARG_ENABLE([pusher],
  [whether to build the extension pusher],
  [AS_HELP_STRING([--disable-pusher], [Do not build the extension pusher])],
  [yes])

PHP_ARG_WITH([pusher-source],
  [for the source of the extension],
  [AS_HELP_STRING([--with-pusher-source=DIR], [The folder crates/pusher-php of pushd's source, if not the one above])],
  [no],
  [no])

if test "$PHP_PUSHER" != "no"; then
  AC_PATH_PROG([CARGO], [cargo])
  if test -z "$CARGO"; then
    AC_MSG_ERROR([cargo is missing: the extension is written in Rust (https://rustup.rs)])
  fi

  PUSHER_SOURCE="$PHP_PUSHER_SOURCE"
  if test "$PUSHER_SOURCE" = "no"; then
    PUSHER_SOURCE=`cd "$srcdir/.." && pwd -P`
  fi
  if test ! -f "$PUSHER_SOURCE/../../Cargo.lock"; then
    AC_MSG_ERROR([$PUSHER_SOURCE is not in the whole of pushd's source: say where it is by --with-pusher-source])
  fi

  dnl ext-php-rs wants whole paths, and phpize takes names.
  AC_PATH_PROG([PUSHER_PHP_CONFIG], [$PHP_CONFIG])

  PHP_SUBST([CARGO])
  PHP_SUBST([PUSHER_PHP_CONFIG])
  PHP_SUBST([PUSHER_SOURCE])
  PHP_MODULES="$PHP_MODULES \$(phplibdir)/pusher.so"
  dnl What PHP_NEW_EXTENSION does for an extension in C.
  PHP_ADD_BUILD_DIR([modules])
  PHP_ADD_MAKEFILE_FRAGMENT([$abs_srcdir/Makefile.frag], [$abs_srcdir], [.])
fi
