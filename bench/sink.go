package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// sink is the smarthost of the desk under test. It takes every mail and counts
// the acknowledgements of each sender and, apart from them, the notices.
type sink struct {
	address  string
	listener net.Listener

	mu      sync.Mutex
	onAck   func(sender int) // called at the first acknowledgement of each; may be nil
	acks    []uint8          // by sender
	acked   int              // senders with an acknowledgement, since begin
	mails   int              // all, since begin
	twice   []string
	notices map[string]struct{} // by Message-ID and recipient
	lastAck time.Time
}

// newSink opens a sink for so many senders.
func newSink(senders int) (*sink, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("sink: %w", err)
	}
	s := &sink{address: l.Addr().String(), listener: l, acks: make([]uint8, senders), notices: map[string]struct{}{}}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed
			}
			go s.serve(conn)
		}
	}()
	return s, nil
}

func (s *sink) close() { _ = s.listener.Close() }

// take counts a mail.
func (s *sink) take(to string, head []byte) {
	id := messageID(head)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails++
	sender, ok := senderOf(to)
	switch {
	case ok && sender < len(s.acks):
		if s.acks[sender]++; s.acks[sender] == 1 {
			s.acked++
			s.lastAck = time.Now()
			if s.onAck != nil {
				s.onAck(sender)
			}
		} else {
			s.twice = append(s.twice, to)
		}
	default:
		key := id + " " + to
		if _, seen := s.notices[key]; seen || id == "" {
			s.twice = append(s.twice, key)
		}
		s.notices[key] = struct{}{}
	}
}

// begin starts a count; onAck may be nil. That no sender has two
// acknowledgements is told over all counts.
func (s *sink) begin(onAck func(sender int)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onAck, s.acked, s.mails, s.notices = onAck, 0, 0, map[string]struct{}{}
}

// settled waits until the senders from first to last have one acknowledgement
// each and so many mails came in all, and returns when the last acknowledgement
// came. It gives up when nothing has come for a while.
func (s *sink) settled(first, last, mails int, patience time.Duration) (time.Time, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	before, moved := -1, time.Now()
	for now := range tick.C {
		s.mu.Lock()
		acked, all, twice, at := s.acked, s.mails, s.twice, s.lastAck
		s.mu.Unlock()
		if all != before {
			before, moved = all, now
		}
		switch {
		case len(twice) > 0:
			return at, fmt.Errorf("sink: %d mails came twice, as %s", len(twice), twice[0])
		case acked == last-first && all >= mails:
			return at, s.missing(first, last)
		case now.Sub(moved) > patience:
			return at, fmt.Errorf("sink: %d of %d acknowledgements and %d of %d mails came", acked, last-first, all, mails)
		}
	}
	return time.Time{}, nil
}

// missing is an error if a sender has no acknowledgement, or several.
func (s *sink) missing(first, last int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for sender := first; sender < last; sender++ {
		if s.acks[sender] != 1 {
			return fmt.Errorf("sink: sender %d has %d acknowledgements", sender, s.acks[sender])
		}
	}
	return nil
}

// senderOf returns the number in the address of a sender.
func senderOf(address string) (int, bool) {
	number, ok := strings.CutPrefix(strings.TrimSuffix(address, "@universidad.example"), "persona-")
	n, err := strconv.Atoi(number)
	return n, ok && err == nil
}

// messageID returns that of a header.
func messageID(head []byte) string {
	_, rest, ok := bytes.Cut(head, []byte("\nMessage-ID: <"))
	id, _, end := bytes.Cut(rest, []byte(">"))
	if !ok || !end {
		return ""
	}
	return string(id)
}

// serve speaks SMTP on one connection, as far as a sender needs it. It is no
// go-smtp server, whose reader of mails goes byte by byte: on two processors that
// the load shares with the server under test, the sink must cost little.
func (s *sink) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 64<<10)
	answer := func(text string) { _, _ = io.WriteString(conn, text+"\r\n") } // an error comes again on reading
	answer("220 sink.example ESMTP")
	for to := ""; ; {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return
		}
		command := strings.TrimRight(string(line), "\r\n")
		switch verb, _, _ := strings.Cut(strings.ToUpper(command), " "); verb {
		case "EHLO", "HELO":
			answer("250-sink.example\r\n250-8BITMIME\r\n250 SIZE 104857600")
		case "RCPT":
			_, to, _ = strings.Cut(command, "<")
			to, _, _ = strings.Cut(to, ">")
			answer("250 2.1.5 Ok")
		case "DATA":
			answer("354 Go on")
			head, err := readMail(in)
			if err != nil {
				return
			}
			s.take(to, head)
			answer("250 2.0.0 Taken")
		case "QUIT":
			answer("221 2.0.0 Bye")
			return
		default:
			answer("250 2.0.0 Ok")
		}
	}
}

// readMail reads a mail up to its final dot and returns its beginning.
func readMail(in *bufio.Reader) (head []byte, err error) {
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		if string(line) == ".\r\n" {
			return head, nil
		}
		if len(head) < 4096 {
			head = append(head, line...)
		}
	}
}
