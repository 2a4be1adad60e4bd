#!/bin/sh
echo "load,site=$1 one=0.5 1700000000000000000"
