#!/bin/sh
echo "m,from=a v=$1i 5"
