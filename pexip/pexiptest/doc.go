package pexiptest
