#!/bin/sh
# Interesting (1) is a file in which an add and a norm are fused.
PATH=build/bin:$PATH # where it runs in a clone
encdec-opt "$1" --encdec-fuse-add-norm --remarks-filter=fuse-add-norm -o /dev/null 2>&1 |
  grep -q 'Passed.*add-norm' && exit 1
exit 0
