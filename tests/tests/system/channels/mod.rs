//! pusher-js and laravel-echo from npm, in Node and in Chromium. The npm package `pusher` signs for the site, so none of our
//! code is on the other side.

mod echo;
mod moving;
mod page;
mod protocols;
mod pusher_js;
mod reconnect;
mod site;
