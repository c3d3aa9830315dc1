package mailin

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

var cutDialogues = map[string]struct {
	lmtp bool
	send string
	text string
}{
	"DATA": {false, "EHLO a.example\r\nMAIL FROM:<ana@example.org>\r\nRCPT TO:<mesa@desk.example.org>\r\nDATA\r\n" +
		"Subject: a\r\n\r\n..text\r\nlast\r\n.\r\nQUIT\r\n", "Subject: a\r\n\r\n.text\r\nlast\r\n"},
	"BDAT": {false, "EHLO a.example\r\nMAIL FROM:<ana@example.org>\r\nRCPT TO:<mesa@desk.example.org>\r\n" +
		"BDAT 14\r\nSubject: a\r\n\r\nBDAT 6\r\ntext\r\nBDAT 6 LAST\r\nlast\r\nQUIT\r\n", "Subject: a\r\n\r\ntext\r\nlast\r\n"},
	"LMTP": {true, "LHLO a.example\r\nMAIL FROM:<>\r\nRCPT TO:<a@desk.example.org>\r\nRCPT TO:<b@desk.example.org>\r\nDATA\r\n" +
		"text\r\n.\r\nQUIT\r\n", "text\r\n"},
}

// TestCutEverywhere ends the connection after every byte of a dialogue, in an
// orderly way and by reset. A mail is taken whole or not at all, and it is
// acknowledged only if it was taken.
func TestCutEverywhere(t *testing.T) {
	for name, dialogue := range cutDialogues {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mails ledger
			_, address := serve(t, &mails, Options{LMTP: dialogue.lmtp})
			complete := 0 // cuts behind the end of the text
			for cut := range len(dialogue.send) + 1 {
				answers := sendCut(t, address, dialogue.send[:cut], false)
				acknowledged := bytes.Contains(answers, []byte("Ok: "))
				got := mails.all()
				switch {
				case acknowledged:
					complete++
				case len(got) > complete:
					t.Fatalf("cut at %d: taken and not acknowledged", cut) // the answers could be read
				}
				if len(got) != complete {
					t.Fatalf("cut at %d: %d acknowledged, %d taken", cut, complete, len(got))
				}
				if acknowledged && got[len(got)-1].text != dialogue.text {
					t.Fatalf("cut at %d: taken %q", cut, got[len(got)-1].text)
				}
				if end := strings.Index(dialogue.send, "QUIT"); acknowledged != (cut >= end) {
					t.Fatalf("cut at %d, the text ends at %d: acknowledged %v", cut, end, acknowledged)
				}
				sendCut(t, address, dialogue.send[:min(cut, strings.Index(dialogue.send, "QUIT")-1)], true)
			}
		})
	}
}

// sendCut sends and then ends the connection: its writing half, returning the
// answers, or all of it by a reset.
func sendCut(t *testing.T, address, text string, reset bool) []byte {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(conn, text)
	if reset {
		conn.(*net.TCPConn).SetLinger(0)
		return nil
	}
	conn.(*net.TCPConn).CloseWrite()
	answers, _ := io.ReadAll(conn)
	return answers
}
