package redis

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Options says how to reach Redis.
type Options struct {
	// Addrs are host:port. One address is a single server, several are the
	// seeds of a Redis Cluster. With Sentinel.Master they are the Sentinels.
	Addrs    []string `koanf:"addrs"`
	Sentinel Sentinel `koanf:"sentinel"`
	Wait     Wait     `koanf:"wait"`
	Username string   `koanf:"username"` // ACL user; empty for the default user
	Password string   `koanf:"password"`
	DB       int      `koanf:"db"` // database number; a cluster has only 0
	TLS      TLS      `koanf:"tls"`

	// Compression of blobs above 512 KiB: none (also the empty string) or zstd.
	// Readers need not know it.
	Compression string `koanf:"compression"`

	// Timeouts of one attempt. Zero means the client's default: 5 s to
	// connect, 3 s to read or write. An operation is tried up to four times.
	DialTimeout  time.Duration `koanf:"dial_timeout"`
	ReadTimeout  time.Duration `koanf:"read_timeout"`
	WriteTimeout time.Duration `koanf:"write_timeout"`
}

// Sentinel says how to find the primary of a group that Redis Sentinel watches.
type Sentinel struct {
	Master   string `koanf:"master"`   // name of the primary; empty for no Sentinel
	Username string `koanf:"username"` // of the Sentinels themselves
	Password string `koanf:"password"`
}

// Wait is an optional level of durability: after each save the store waits
// until so many replicas have it. That makes the loss of saves in a failover
// rarer, and does not exclude it. A save that fewer replicas have in time
// stays, counts in Store.Short, and is covered by the next one's wait.
type Wait struct {
	Replicas int           `koanf:"replicas"` // 0 for none
	Timeout  time.Duration `koanf:"timeout"`  // above 0 with Replicas
}

// TLS are the settings of an encrypted connection.
type TLS struct {
	Enabled    bool   `koanf:"enabled"`
	CAFile     string `koanf:"ca_file"`     // PEM; empty for the system's authorities
	CertFile   string `koanf:"cert_file"`   // PEM of the client's certificate, with KeyFile
	KeyFile    string `koanf:"key_file"`    // PEM
	ServerName string `koanf:"server_name"` // expected name; empty for the host of the address
}

// Client opens a client. It connects when it is first used.
func (o *Options) Client() (goredis.UniversalClient, error) {
	if len(o.Addrs) == 0 {
		return nil, fmt.Errorf("redis.addrs is empty: name at least one host:port")
	}
	if o.DB != 0 && len(o.Addrs) > 1 && o.Sentinel.Master == "" {
		return nil, fmt.Errorf("redis.db: %d: a cluster has only database 0", o.DB)
	}
	if o.Wait.Replicas < 0 || o.Wait.Replicas > 0 && o.Wait.Timeout < time.Millisecond {
		return nil, fmt.Errorf("redis.wait: %d replicas within %v: name at least 0 replicas, and a timeout of at least 1ms for them", o.Wait.Replicas, o.Wait.Timeout)
	}
	if o.Compression != "" && o.Compression != CompressionNone && o.Compression != CompressionZstd {
		return nil, fmt.Errorf("redis.compression: %q: must be %s or %s", o.Compression, CompressionNone, CompressionZstd)
	}
	tlsConfig, err := o.TLS.config()
	if err != nil {
		return nil, err
	}
	return goredis.NewUniversalClient(&goredis.UniversalOptions{
		Addrs:                 o.Addrs,
		MasterName:            o.Sentinel.Master,
		SentinelUsername:      o.Sentinel.Username,
		SentinelPassword:      o.Sentinel.Password,
		Username:              o.Username,
		Password:              o.Password,
		DB:                    o.DB,
		TLSConfig:             tlsConfig,
		DialTimeout:           o.DialTimeout,
		ReadTimeout:           o.ReadTimeout,
		WriteTimeout:          o.WriteTimeout,
		ContextTimeoutEnabled: true, // a save on revoke must end at its deadline
		// Notices of maintenance exist only on Redis Enterprise.
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}), nil
}

// config returns nil when TLS is off.
func (t *TLS) config() (*tls.Config, error) {
	if !t.Enabled {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("redis.tls.ca_file: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("redis.tls.ca_file: %s holds no PEM certificate", t.CAFile)
		}
	}
	if (t.CertFile == "") != (t.KeyFile == "") {
		return nil, fmt.Errorf("redis.tls.cert_file and redis.tls.key_file: set both or none")
	}
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("redis.tls.cert_file and redis.tls.key_file: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
