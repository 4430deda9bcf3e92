"""Reads from a Unix socket, a given number of bytes at a time, and answers each with one byte."""

import socket
import sys

path, length = sys.argv[1], int(sys.argv[2])
memory = memoryview(bytearray(length))
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(path)
    while True:
        done = 0
        while done < length:
            count = connection.recv_into(memory[done:])
            if count == 0:
                sys.exit()
            done += count
        connection.sendall(b"!")
