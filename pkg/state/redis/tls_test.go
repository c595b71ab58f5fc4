package redis_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

// certificate makes a self-signed certificate for the name and writes its PEM files.
func certificate(t *testing.T, name string) (pair tls.Certificate, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(file, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), file)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", keyDER)
}

// The server and the client each trust the other's certificate alone.
func TestTLS(t *testing.T) {
	serverPair, serverCert, _ := certificate(t, "redis.test")
	_, clientCert, clientKey := certificate(t, "client.test")
	clients := x509.NewCertPool()
	text, err := os.ReadFile(clientCert)
	if err != nil || !clients.AppendCertsFromPEM(text) {
		t.Fatal("client certificate:", err)
	}
	server := miniredis.NewMiniRedis()
	err = server.StartTLS(&tls.Config{
		Certificates: []tls.Certificate{serverPair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	server.RequireUserAuth("learner", "secret")

	good := redis.TLS{Enabled: true, CAFile: serverCert, CertFile: clientCert, KeyFile: clientKey, ServerName: "redis.test"}
	for name, c := range map[string]struct {
		change func(*redis.Options)
		ok     bool
	}{
		"everything right":      {func(*redis.Options) {}, true},
		"wrong name":            {func(o *redis.Options) { o.TLS.ServerName = "other.test" }, false},
		"unknown authority":     {func(o *redis.Options) { o.TLS.CAFile = clientCert }, false},
		"no client certificate": {func(o *redis.Options) { o.TLS.CertFile, o.TLS.KeyFile = "", "" }, false},
		"plain text":            {func(o *redis.Options) { o.TLS.Enabled = false }, false},
		"wrong password":        {func(o *redis.Options) { o.Password = "guess" }, false},
	} {
		o := redis.Options{Addrs: []string{server.Addr()}, Username: "learner", Password: "secret", TLS: good, ReadTimeout: time.Second}
		c.change(&o)
		s, err := redis.New(o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := s.Check(t.Context()); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: close: %v", name, err)
		}
	}
}
