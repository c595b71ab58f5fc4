// Package deploy_test checks the files that people deploy with: they must name what exists, and agree with each other.
package deploy_test

import (
	"bytes"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/streamlearner/streamlearner/configs"
)

// compose is the part of the Compose specification that docker-compose.yml uses; a key outside of it is an error.
// https://github.com/compose-spec/compose-spec/blob/main/spec.md
type compose struct {
	Name     string
	Services map[string]service
	Volumes  map[string]any
}

type service struct {
	Image       string
	Build       string
	Entrypoint  []string
	Command     []string
	Environment map[string]string
	Ports       []string
	Volumes     []string
	Restart     string
	DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
	Healthcheck *struct {
		Test              []string
		Interval, Timeout string
		Retries           int
	}
}

// decode reads a YAML file of the repository strictly.
func decode(t *testing.T, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", path))
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(b))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func readCompose(t *testing.T) compose {
	t.Helper()
	var c compose
	decode(t, "docker-compose.yml", &c)
	return c
}

func TestComposeServices(t *testing.T) {
	c := readCompose(t)
	for _, name := range []string{"kafka", "redis", "streamlearner", "prometheus", "grafana"} {
		if _, ok := c.Services[name]; !ok {
			t.Errorf("no service %s", name)
		}
	}
	for name, s := range c.Services {
		if image, tag, ok := strings.Cut(s.Image, ":"); !ok || tag == "latest" {
			t.Errorf("%s: image %s has no fixed tag", name, image)
		}
		for other, need := range s.DependsOn {
			dependency, ok := c.Services[other]
			switch {
			case !ok:
				t.Errorf("%s depends on %s, which does not exist", name, other)
			case need.Condition == "service_healthy" && dependency.Healthcheck == nil:
				t.Errorf("%s waits until %s is healthy, which has no health check", name, other)
			case need.Condition == "service_completed_successfully" && dependency.Restart != "":
				t.Errorf("%s waits for %s to complete, which restarts", name, other)
			}
		}
		for _, port := range s.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s: port %s is open to the network", name, port)
			}
		}
	}
}

func TestComposeMountsWhatExists(t *testing.T) {
	c := readCompose(t)
	for name, s := range c.Services {
		for _, mount := range s.Volumes {
			from, _, _ := strings.Cut(mount, ":")
			if !strings.HasPrefix(from, ".") {
				if _, ok := c.Volumes[from]; !ok {
					t.Errorf("%s: volume %s is not declared", name, from)
				}
				continue
			}
			if _, err := os.Stat(filepath.Join("..", from)); err != nil {
				t.Errorf("%s mounts a file that does not exist: %v", name, err)
			}
			if !strings.HasSuffix(mount, ":ro") {
				t.Errorf("%s could write to %s", name, from)
			}
		}
	}
}

// reachable tells whether another container reaches host:port: the service exists, and says that port somewhere in
// its own settings.
func (c compose) reachable(t *testing.T, hostPort string, ports map[string][]string) {
	t.Helper()
	host, port, _ := strings.Cut(hostPort, ":")
	if _, ok := c.Services[host]; !ok || !slices.Contains(ports[host], port) {
		t.Errorf("%s leads nowhere: services listen on %v", hostPort, ports)
	}
}

func TestComposeAddressesAgree(t *testing.T) {
	c := readCompose(t)
	environment := c.Services["streamlearner"].Environment
	_, admin, _ := strings.Cut(environment["STREAMLEARNER_ADMIN_LISTEN"], ":")
	ports := map[string][]string{
		"streamlearner": {admin},
		"redis":         {"6379"}, // the server's default
		"prometheus":    {"9090"}, // the server's default
	}
	for _, listener := range strings.Split(c.Services["kafka"].Environment["KAFKA_ADVERTISED_LISTENERS"], ",") {
		u, err := url.Parse(listener)
		if err != nil {
			t.Fatal(err)
		}
		if u.Hostname() == "kafka" {
			ports["kafka"] = append(ports["kafka"], u.Port())
		}
	}

	c.reachable(t, environment["STREAMLEARNER_KAFKA_BROKERS"], ports)
	c.reachable(t, environment["STREAMLEARNER_REDIS_ADDRS"], ports)

	var prometheus struct {
		Global  map[string]string
		Rules   []string `yaml:"rule_files"`
		Scrapes []struct {
			Job     string                       `yaml:"job_name"`
			Statics []struct{ Targets []string } `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	decode(t, "deploy/prometheus/prometheus.yml", &prometheus)
	for _, scrape := range prometheus.Scrapes {
		for _, static := range scrape.Statics {
			for _, target := range static.Targets {
				c.reachable(t, target, ports)
			}
		}
	}

	var grafana struct {
		APIVersion  int `yaml:"apiVersion"`
		Datasources []struct {
			Name, UID, Type, Access, URL string
			IsDefault                    bool `yaml:"isDefault"`
		}
	}
	decode(t, "deploy/grafana/provisioning/datasources/prometheus.yml", &grafana)
	for _, source := range grafana.Datasources {
		u, err := url.Parse(source.URL)
		if err != nil {
			t.Fatal(err)
		}
		c.reachable(t, u.Host, ports)
	}
}

// The daemon takes the mounted file with the environment of its service, and the topics it needs are created.
func TestComposeConfiguresTheDaemon(t *testing.T) {
	c := readCompose(t)
	daemon := c.Services["streamlearner"]
	file := ""
	for _, mount := range daemon.Volumes {
		if from, ok := strings.CutSuffix(mount, ":/etc/streamlearner/config.yaml:ro"); ok {
			file = filepath.Join("..", from)
		}
	}
	var environment []string
	for name, value := range daemon.Environment {
		environment = append(environment, name+"="+value)
	}
	cfg, err := configs.Load(configs.Input{File: file, Env: environment})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Kafka.Brokers[0] != "kafka:19092" || cfg.Redis.Addrs[0] != "redis:6379" || cfg.Admin.Listen != "0.0.0.0:9600" {
		t.Errorf("the environment does not reach the daemon: brokers %v, redis %v, admin %s",
			cfg.Kafka.Brokers, cfg.Redis.Addrs, cfg.Admin.Listen)
	}
	script := strings.Join(c.Services["topics"].Command, " ")
	for name, m := range cfg.Models {
		for _, topic := range []string{m.Source.Topic, m.Source.Topic + "." + name + ".dead"} {
			if !slices.Contains(strings.FieldsFunc(script, func(r rune) bool { return r == ' ' || r == ';' }), topic) {
				t.Errorf("the topics service does not create %s", topic)
			}
		}
	}
}

func TestDockerfileBuildsAStaticImageForNobody(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(b), "\n")
	final := lines[lastIndex(lines, "FROM "):]
	for _, want := range []struct {
		lines  []string
		prefix string
	}{
		{lines, "ENV CGO_ENABLED=0 GOAMD64=v1"},
		{final, "FROM gcr.io/distroless/static-debian12:nonroot"},
		{final, "USER nonroot"},
		{final, "ENTRYPOINT ["},
	} {
		if lastIndex(want.lines, want.prefix) < 0 {
			t.Errorf("no line %q", want.prefix)
		}
	}
}

func lastIndex(lines []string, prefix string) int {
	for i, line := range slices.Backward(lines) {
		if strings.HasPrefix(line, prefix) {
			return i
		}
	}
	return -1
}
