#!/bin/sh
echo "m,from=b v=$1i 5"
