package testbed

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Command sends one command to a Redis server or Sentinel and returns its
// reply, an array as its elements. An error reply is an error.
func Command(addr string, args ...string) ([]string, error) {
	const limit = 5 * time.Second
	conn, err := net.DialTimeout("tcp", addr, limit)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return nil, err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := io.WriteString(conn, b.String()); err != nil {
		return nil, err
	}
	reply, err := readReply(bufio.NewReader(conn))
	if err != nil {
		return nil, fmt.Errorf("%s at %s: %w", strings.Join(args, " "), addr, err)
	}
	return reply, nil
}

// readReply reads one RESP2 value, nested arrays flattened.
func readReply(r *bufio.Reader) ([]string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return nil, errors.New("empty reply")
	}
	kind, rest := line[0], line[1:]
	switch kind {
	case '+', ':':
		return []string{rest}, nil
	case '-':
		return nil, errors.New(rest)
	}
	n, err := strconv.Atoi(rest)
	if err != nil {
		return nil, fmt.Errorf("reply %q: %w", line, err)
	}
	var out []string
	if kind == '$' && n >= 0 {
		data := make([]byte, n+2)
		_, err = io.ReadFull(r, data)
		return []string{string(data[:n])}, err
	}
	for range n {
		part, err := readReply(r)
		if err != nil {
			return nil, err
		}
		out = append(out, part...)
	}
	return out, nil
}
