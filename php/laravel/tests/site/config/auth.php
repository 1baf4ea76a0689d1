<?php

return [
    'defaults' => ['guard' => 'web'],
    'guards' => ['web' => ['driver' => 'header'], 'admin' => ['driver' => 'admin']],
];
