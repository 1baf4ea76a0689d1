// Types of pusher.mjs. MIT OR Apache-2.0.
import Pusher = require('./pusher.js');

export default Pusher;
