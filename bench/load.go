package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"

	"mime"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// numberSlot stands in a form for the number of its sender. It has the width of
// the numbers, so that all mails of a form have one size.
const numberSlot = "0000000"

// form is a mail to be sent many times, each time by somebody else: numberSlot
// is replaced wherever it stands.
type form struct{ parts [][]byte }

func newForm(text string) form {
	text = strings.ReplaceAll(text, "\n", "\r\n")
	return form{parts: bytes.Split([]byte(text+"\r\n.\r\n"), []byte(numberSlot))}
}

// append appends the mail of a sender, with the final dot.
func (f form) append(b []byte, sender int) []byte {
	var number [len(numberSlot)]byte
	for i, n := len(number)-1, sender; i >= 0; i, n = i-1, n/10 {
		number[i] = byte('0' + n%10)
	}
	for i, p := range f.parts {
		if i > 0 {
			b = append(b, number[:]...)
		}
		b = append(b, p...)
	}
	return b
}

// forms are the mails of the load: by turns one of plain text and one with HTML
// beside it, as clients write them, of about 4 KB or, with a picture, 100 KB.
func forms(large bool) []form {
	head := "Received: from [192.168.1.57] (dsl-190-24-11-" + "8.example.net [190.24.11.8])\n" +
		"\tby correo.universidad.example (Postfix) with ESMTPSA id 4XyZ" + numberSlot + "\n" +
		"\tfor <soporte@mesa.example>; Mon, 16 Nov 2026 09:14:07 -0500 (COT)\n" +
		"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=universidad.example;\n" +
		"\ts=correo; t=1794838447; h=from:to:subject:date:message-id:mime-version;\n" +
		"\tbh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\n" +
		"\tb=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB4nujc7YopdG5dWLSdNg6x\n" +
		"\t NAZpOPr+kHxt1IrE+NahM6L/LbvaHutKVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrI\n" +
		"From: =?UTF-8?Q?Mar=C3=ADa_Pe=C3=B1a_" + numberSlot + "?= <persona-" + numberSlot + "@universidad.example>\n" +
		"To: Soporte <soporte@mesa.example>\n" +
		"Subject: " + mime.QEncoding.Encode("utf-8", "Daño en la conexión del salón ") + numberSlot + "\n" +
		"Date: Mon, 16 Nov 2026 09:14:05 -0500\n" +
		"Message-ID: <" + numberSlot + ".20261116141405.3f1b@universidad.example>\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.4\n" +
		"Content-Language: es-CO\nMIME-Version: 1.0\n"
	paragraph := "Buenos d=C3=ADas. Desde ayer en la tarde la conexi=C3=B3n del sal=C3=B3n no=\n" +
		" funciona: los equipos encienden, muestran la p=C3=A1gina de inicio y despu=\n=C3=A9s de unos minutos ya no pasa nada m=C3=A1s.\n\n"
	text := func(n int) string { return strings.Repeat(paragraph, n) + "Muchas gracias,\nMar=C3=ADa Pe=C3=B1a\n" }
	qp := "; charset=UTF-8\nContent-Transfer-Encoding: quoted-printable\n\n"
	html := "<html><head><meta http-equiv=3D\"content-type\" content=3D\"text/html; charset=\n=3DUTF-8\"></head><body>\n" +
		strings.ReplaceAll(strings.TrimSpace(strings.Repeat("<p>"+strings.TrimSpace(paragraph)+"</p>\n", 5)), "ayer en la tarde", "<b>ayer en la tarde</b>") + "</body></html>\n"
	alternative := "Content-Type: multipart/alternative; boundary=\"------------ab12\"\n\n" +
		"--------------ab12\nContent-Type: text/plain" + qp + text(5) +
		"--------------ab12\nContent-Type: text/html" + qp + html + "--------------ab12--\n"
	plain := "Content-Type: text/plain" + qp + text(13)
	if !large {
		return []form{newForm(head + plain), newForm(head + alternative)}
	}
	picture := "--------------cd34\nContent-Type: image/jpeg; name=\"salon.jpg\"\nContent-Disposition: attachment; filename=\"salon.jpg\"\n" +
		"Content-Transfer-Encoding: base64\n\n" + strings.Repeat(strings.Repeat("/9j4AAQSkZJRgABA", 4)+"QEAYABgAAD+\n", 1290) + "--------------cd34--\n"
	mixed := "Content-Type: multipart/mixed; boundary=\"------------cd34\"\n\n--------------cd34\n"
	return []form{newForm(head + mixed + plain + picture), newForm(head + mixed + alternative + picture)}
}

// load sends mails over connections that stay open, each waiting for every
// answer as most senders do.
type load struct {
	address     string
	connections int
	forms       []form
	first, last int                 // senders, the last not included
	before      func()              // called before each mail; may be nil
	accepted    func(int)           // called after each 250 with the sender; may be nil
	took        func(time.Duration) // from DATA to its 250; may be nil
}

// run returns the time from the first byte to the last 250.
func (l load) run() (time.Duration, error) {
	var next atomic.Int64
	next.Store(int64(l.first))
	errs := make([]error, l.connections)
	var wg sync.WaitGroup
	began := time.Now()
	for i := range errs {
		wg.Go(func() { errs[i] = l.connection(&next) })
	}
	wg.Wait()
	return time.Since(began), errors.Join(errs...)
}

// connection sends mails until none is left.
func (l load) connection(next *atomic.Int64) error {
	conn, err := net.Dial("tcp", l.address)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	defer conn.Close()
	c := client{conn: conn, in: bufio.NewReader(conn)}
	if err := c.ask([]byte("EHLO cliente.universidad.example\r\n"), 2); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	for {
		sender := int(next.Add(1)) - 1
		if sender >= l.last {
			break
		}
		if l.before != nil {
			l.before()
		}
		if err := l.mail(&c, sender); err != nil {
			return fmt.Errorf("load: mail %d: %w", sender, err)
		}
	}
	_ = c.ask([]byte("QUIT\r\n"), 1)
	return nil
}

func (l load) mail(c *client, sender int) error {
	c.out = fmt.Appendf(c.out[:0], "MAIL FROM:<persona-%07d@universidad.example>\r\n", sender)
	if err := c.ask(c.out, 1); err != nil {
		return err
	}
	if err := c.ask([]byte("RCPT TO:<soporte@mesa.example>\r\n"), 1); err != nil {
		return err
	}
	began := time.Now()
	if err := c.ask([]byte("DATA\r\n"), 1); err != nil {
		return err
	}
	c.out = l.forms[sender%len(l.forms)].append(c.out[:0], sender)
	if err := c.ask(c.out, 1); err != nil {
		return err
	}
	if l.took != nil {
		l.took(time.Since(began))
	}
	if l.accepted != nil {
		l.accepted(sender)
	}
	return nil
}

// client speaks SMTP as far as the load needs it.
type client struct {
	conn net.Conn
	in   *bufio.Reader
	out  []byte
}

// ask sends a text and reads so many answers of the kind that goes on.
func (c *client) ask(text []byte, answers int) error {
	if _, err := c.conn.Write(text); err != nil {
		return err
	}
	for answers > 0 {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) < 4 || line[0] != '2' && line[0] != '3' {
			return fmt.Errorf("the server answers %q", line)
		}
		if line[3] == ' ' {
			answers--
		}
	}
	return nil
}

// size returns the kilobytes of a mail.
func (f form) size() float64 { return float64(len(f.append(nil, 0))) / 1000 }
