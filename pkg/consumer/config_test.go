package consumer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/streamlearner/streamlearner/pkg/state"
)

func validConfig() Config {
	return Config{Connection: Connection{Brokers: []string{"localhost:1"}}, Group: "g", Model: "fraud", Topic: "payments"}
}

func someDeps() Deps {
	return Deps{
		Store:   state.NewMem(),
		New:     func(start state.Position) (Learner, error) { return newTally(1, start), nil },
		Restore: func(s *state.Snapshot) (Learner, error) { return restoreTally(1, s) },
	}
}

func TestConfigIsChecked(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Config)
		want   string // part of the error
	}{
		{"valid", func(*Config) {}, ""},
		{"no brokers", func(c *Config) { c.Brokers = nil }, "kafka.brokers"},
		{"no group", func(c *Config) { c.Group = "" }, "kafka.group"},
		{"model name", func(c *Config) { c.Model = "Fraud!" }, "Fraud!"},
		{"no topic", func(c *Config) { c.Topic = "" }, "source.topic"},
		{"start", func(c *Config) { c.Start = "newest" }, `"newest": allowed are earliest and latest`},
		{"own dead letters", func(c *Config) { c.DeadLetter = c.Topic }, "dead-letter topic"},
		{"poll", func(c *Config) { c.MaxPollRecords = -1 }, "max_poll_records is -1"},
		{"keep", func(c *Config) { c.Keep = -3 }, "keep is -3"},
		{"interval", func(c *Config) { c.SaveInterval = -time.Second }, "save_interval is -1s"},
		{"no time to save", func(c *Config) { c.SaveTimeout = 2 * time.Minute }, "save_timeout is 2m0s"},
		{"session longer than allowed", func(c *Config) { c.HeartbeatInterval = time.Hour }, "heartbeat"},
		{"sasl", func(c *Config) { c.SASL.Mechanism = "gssapi" }, `"gssapi": allowed are plain`},
		{"ca file", func(c *Config) { c.TLS = TLS{Enabled: true, CAFile: "none.pem"} }, "kafka.tls.ca_file"},
		{"cert file", func(c *Config) { c.TLS = TLS{Enabled: true, CertFile: "none.pem"} }, "kafka.tls.cert_file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := validConfig()
			tt.change(&cfg)
			_, err := New(cfg, someDeps())
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want it to mention %q", err, tt.want)
			}
		})
	}
	if _, err := New(validConfig(), Deps{}); err == nil {
		t.Error("a consumer without a store is accepted")
	}
}

func TestDefaults(t *testing.T) {
	c, err := New(validConfig(), someDeps())
	if err != nil {
		t.Fatal(err)
	}
	if c.cfg.DeadLetter != "payments.fraud.dead" || c.group != "g.fraud" || c.cfg.Start != Earliest {
		t.Errorf("dead letters %q, group %q, start %q", c.cfg.DeadLetter, c.group, c.cfg.Start)
	}
}

func TestStaticMembershipIsRefused(t *testing.T) {
	deps := someDeps()
	deps.Options = []kgo.Opt{kgo.InstanceID("one")}
	c, err := New(validConfig(), deps)
	if err == nil {
		err = c.Run(t.Context())
	}
	if err == nil || !strings.Contains(err.Error(), "static") {
		t.Errorf("error %v, want a refusal of static membership", err)
	}
}

func TestSecureConnections(t *testing.T) {
	cert, ca := selfSigned(t)
	for _, mechanism := range []string{"plain", "scram-sha-256", "scram-sha-512"} {
		t.Run(mechanism, func(t *testing.T) {
			w := newSecureWorld(t, mechanism, cert)
			connection := Connection{
				Brokers: w.ListenAddrs(),
				TLS:     TLS{Enabled: true, CAFile: ca},
				SASL:    SASL{Mechanism: mechanism, Username: "learner", Password: "secret"},
			}
			ping := func(c Connection) error {
				opts, err := c.Options()
				if err != nil {
					t.Fatal(err)
				}
				cl, err := kgo.NewClient(append(opts, kgo.RequestRetries(0))...)
				if err != nil {
					t.Fatal(err)
				}
				defer cl.Close()
				return cl.Ping(t.Context())
			}
			if err := ping(connection); err != nil {
				t.Error(err)
			}
			wrong := connection
			wrong.SASL.Password = "guess"
			if ping(wrong) == nil {
				t.Error("a wrong password is accepted")
			}
			untrusted := connection
			untrusted.TLS.CAFile = ""
			if ping(untrusted) == nil {
				t.Error("an unknown authority is trusted")
			}
		})
	}
}

func newSecureWorld(t *testing.T, mechanism string, cert tls.Certificate) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(),
		kfake.Superuser(strings.ToUpper(mechanism), "learner", "secret"),
		kfake.TLS(&tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// selfSigned returns a certificate for the loopback address and the file to trust it by.
func selfSigned(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "broker"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, file
}
