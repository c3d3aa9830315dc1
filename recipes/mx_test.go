package recipes

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/smtp"
	"os"
	"regexp"
	"strings"
	"testing"

	"ventanilla/peers"
)

// TestMX: mail comes to our own door, encrypted with a certificate that an authority
// has issued, and goes out by a smarthost that wants a password.
func TestMX(t *testing.T) {
	t.Parallel()
	r := read(t, "MX propio")
	out, box := newOutside(t), peers.DovecotOf(t, "ventanilla")
	p, door, challenge := peers.NewPostfix(t), peers.Free(t), peers.Free(t)
	ca := peers.NewPebble(t, challenge, peers.Free(t), domain)
	p.Hosts([]string{domain}, box.CA, p.CA, ca.CA)
	p.Start("relayhost = " + bracketed(out.address) + "\n" + p.People(box))
	d := newDesk(t, p.Machine, r)
	d.wrote(r.block("/etc/ventanilla/ventanilla.toml"))
	d.edit(`listen = ":25"`, `listen = "`+door+`"`, "correo.universidad.example:587", "correo.universidad.example:"+peers.Port(p.Submission),
		"\n[smtp]\n", "\n[smtp]\n"+r.block("[smtp]"), "\n[acme]\n", "\n[acme]\ndirectory = \""+ca.Directory+"\"\n"+r.block("[acme]", ":80", challenge))
	d.keeps(r, "smarthost.password", box.Password)
	d.serve(door)
	d.logs("certificate at hand")

	mail := "From: ana@uni.example\r\nTo: " + queue + "\r\nSubject: Solicitud de acceso\r\nMessage-ID: <1@uni.example>\r\n\r\nNo imprime.\r\n"
	if err := encrypted(door, ca.Issued(), nil, "ana@uni.example", mail); err != nil {
		t.Fatalf("STARTTLS: %v", err)
	}
	out.await(t, "ana@uni.example", `\[#000001\]`)
	if said, err := swaks(t, door, "ana@uni.example", "nadie@"+domain, "Nadie"); err == nil || !strings.Contains(said, "<** 550 ") {
		t.Errorf("an unknown address: %v\n%s", err, said)
	}
	d.settled(1)
	p.AwaitLog(`client=.*sasl_method=PLAIN, sasl_username=ventanilla`)
	for _, m := range d.ticket("000001").Mails {
		if id := regexp.MustCompile(`queued as (\w+)`).FindStringSubmatch(m.Answer); id != nil {
			p.AwaitLog(id[1] + `: to=<` + m.To + `>, .*status=sent`)
		} else {
			t.Errorf("%s to %s: %s, %q", m.Kind, m.To, m.Outcome, m.Answer)
		}
	}
	quiet(t, p, p.Log())
}

// encrypted sends a mail to the desk as somebody does who wants to know whom he speaks
// to, and says who he is if auth is not nil.
func encrypted(door string, roots *x509.CertPool, auth smtp.Auth, from, mail string) error {
	conn, err := net.Dial("tcp", door)
	if err != nil {
		return err
	}
	server := domain
	if auth != nil {
		server = "localhost"
	}
	c, err := smtp.NewClient(conn, server)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.StartTLS(&tls.Config{ServerName: server, RootCAs: roots}); err != nil {
		return err
	}
	if auth != nil {
		if err := c.Auth(auth); err != nil {
			return err
		}
	}
	if err := errors.Join(c.Mail(from), c.Rcpt(queue)); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, mail)
	return errors.Join(err, w.Close(), c.Quit())
}

// TestPages: links lead to pages by HTTPS, whoever has the certificate.
func TestPages(t *testing.T) {
	t.Parallel()
	for name, way := range map[string]func(*testing.T, recipe, *desk) (https string, roots *x509.CertPool){"acme": byACME, "nginx": behindNginx, "files": byFiles} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := read(t, "Las páginas y los certificados")
			out, door := newOutside(t), peers.Free(t)
			d := newDesk(t, peers.NewMachine(t, "nginx-light"), read(t, "MX propio"))
			d.edit(`listen = ":25"`, `listen = "`+door+`"`, "correo.universidad.example:587", out.address, "user = \"ventanilla\"\npassword_file = \"smarthost.password\"\n", "",
				`tls = "starttls"`, `tls = "none"`, "#public_url = ", "public_url = ", "http://127.0.0.1:8025", "https://"+domain,
				`#relays = ["10.0.0.5", "10.1.0.0/24"]`, `relays = ["`+stranger+`"]`) // whose sender is known gets a link
			https, roots := way(t, r, d)
			d.takes(door, "ana@uni.example", queue, "Solicitud de acceso")
			ack := out.await(t, "ana@uni.example", `\[#000001\]`)
			link := regexp.MustCompile(`https://` + regexp.QuoteMeta(domain) + `/\S+`).FindString(ack.Message.Text)
			if link == "" {
				t.Fatalf("no link in\n%s", ack.Message.Text)
			}
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots},
				DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
					var dialer net.Dialer
					return dialer.DialContext(ctx, network, https)
				}}}
			defer client.CloseIdleConnections()
			answer, err := client.Get(link)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			page, err := io.ReadAll(answer.Body)
			if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(page), "000001") {
				t.Errorf("%s: %s, %v\n%s", link, answer.Status, err, page)
			}
		})
	}
}

func byACME(t *testing.T, r recipe, d *desk) (string, *x509.CertPool) {
	https, challenge := peers.Free(t), peers.Free(t)
	ca := peers.NewPebble(t, challenge, https, domain)
	d.m.Hosts(nil, ca.CA)
	block := r.block("public_url", ":443", https, ":80", challenge)
	_, web, _ := strings.Cut(block, "[web]\n")
	web, acme, _ := strings.Cut(web, "\n[acme]\n")
	d.edit("\n[web]\n", "\n[web]\n"+web, "\n[acme]\n", "\n[acme]\ndirectory = \""+ca.Directory+"\"\n"+acme)
	d.serve(https)
	d.logs("certificate at hand")
	return https, ca.Issued()
}

func byFiles(t *testing.T, r recipe, d *desk) (string, *x509.CertPool) {
	https := peers.Free(t)
	roots := d.m.Certificate("/etc/ssl/mesa", domain)
	d.m.Give("/etc/ssl/mesa", "ventanilla")
	d.edit("\n[web]\n", "\n[web]\nlisten = \""+https+"\"\n"+r.block("fullchain.pem"))
	d.serve(https)
	return https, roots
}

func behindNginx(t *testing.T, r recipe, d *desk) (string, *x509.CertPool) {
	https, web := peers.Free(t), peers.Free(t)
	roots := d.m.Certificate("/etc/ssl/mesa", domain)
	d.edit("\n[web]\n", "\n[web]\nlisten = \""+web+"\"\n")
	d.serve(web)
	site := "/etc/nginx/sites-available/mesa"
	d.m.Write("/etc/nginx/nginx.conf", "user www-data;\npid /run/nginx.pid;\nerror_log /var/log/nginx.log;\nevents {}\nhttp {\naccess_log off;\ninclude "+site+";\n}\n")
	d.m.Write(site, r.block(site, "listen 443 ssl", "listen "+https+" ssl", "http://127.0.0.1:8025", "http://"+web))
	d.m.Keep("/var/log/nginx.log", "nginx.log")
	peers.Start(t, "nginx.out", d.m.Command("root", "/usr/sbin/nginx", "-g", "daemon off;"))
	peers.Await(t, "tcp", https)
	return https, roots
}

// logs waits until the desk has logged such words.
func (d *desk) logs(words string) {
	d.Helper()
	peers.AwaitText(d.T, func() string {
		text, err := os.ReadFile(peers.Kept(d.T) + "/ventanilla.log")
		if err != nil {
			d.Fatal(err)
		}
		return string(text)
	}, words)
}
