"""One connection to a server, through psql: what bench/embed and bench/latency share."""
import shlex
import subprocess
import sys


def quote(text):
    return "'" + text.replace("'", "''") + "'"


class Connection:
    def __init__(self, command):
        self.psql = subprocess.Popen([*shlex.split(command), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"],
                                     text=True, encoding="utf-8", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ask("SET search_path = usercluster, public; SET client_encoding = 'UTF8'; "
                 "SET standard_conforming_strings = on;")

    def ask(self, sql):
        """The lines of the answer."""
        lines = []
        try:
            self.psql.stdin.write(sql + "\n\\echo answered\n")
            self.psql.stdin.flush()
            for line in self.psql.stdout:
                if line == "answered\n":
                    return lines
                lines.append(line)
        except BrokenPipeError:
            pass
        sys.exit("the server did not answer; psql's message is above")

    def close(self):
        self.psql.stdin.close()
        self.psql.wait()
