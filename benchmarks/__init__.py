"""What labline promises in numbers, measured with the real parts: ``make bench``, or ``python -m benchmarks NAME`` for one of them."""
