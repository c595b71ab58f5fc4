package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Names of the variables that point at servers which are already running.
const (
	KafkaEnv = "KAFKA_BROKERS" // comma-separated host:port list
	RedisEnv = "REDIS_ADDR"    // host:port
)

// KafkaProcess is a single-node Apache Kafka, broker and controller in one process.
type KafkaProcess struct {
	Brokers []string // host:port

	dir  string
	proc process
}

const kafkaStartLimit = 90 * time.Second

// StartKafka formats storage in a temporary directory and starts Kafka on free ports. The caller ends it by Stop.
func StartKafka() (*KafkaProcess, error) { return StartKafkaBehind(nil) }

// StartKafkaBehind starts Kafka so that its clients reach it through a proxy,
// which may be nil. The proxy must forward to no other server.
func StartKafkaBehind(proxy *Proxy) (*KafkaProcess, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, fmt.Errorf("java is missing, run 'make provision': %w", err)
	}
	classes, err := kafkaClassPath()
	if err != nil {
		return nil, err
	}
	return retry(func() (*KafkaProcess, error) { return startKafka(java, classes, proxy) })
}

// kafkaClassPath finds the jars that scripts/provision.sh puts below the repository's root.
func kafkaClassPath() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "scripts", "provision.sh")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("the working directory is not inside the repository, so Kafka's jars cannot be found")
		}
		dir = parent
	}
	// provision.sh writes the version last, when every jar is there.
	if _, err := os.Stat(filepath.Join(dir, "build", "kafka", "version")); err != nil {
		return "", fmt.Errorf("the Kafka jars are missing, run 'make provision': %w", err)
	}
	return filepath.Join(dir, "build", "kafka", "libs", "*"), nil
}

func startKafka(java, classes string, proxy *Proxy) (*KafkaProcess, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	controller, err := freePort()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "testbed-kafka-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for Kafka: %w", err)
	}
	listen := loopback(port)
	k := &KafkaProcess{Brokers: []string{listen}, dir: dir}
	if proxy != nil {
		proxy.Forward(listen)
		k.Brokers = []string{proxy.Addr}
	}
	if err := k.format(java, classes, listen, loopback(controller)); err != nil {
		k.Stop()
		return nil, err
	}
	k.proc = process{
		args: append(javaArgs(java, classes), "-Xmx512m", "-Xms256m", "-XX:+UseG1GC",
			"kafka.Kafka", k.configFile()),
		dir:     dir,
		logFile: filepath.Join(dir, "kafka.log"),
	}
	if err := k.up(); err != nil {
		k.Stop()
		return nil, err
	}
	return k, nil
}

// javaArgs are the options of both programs. C1 alone starts faster, and a broker of tests does not live long
// enough for C2 to pay.
func javaArgs(java, classes string) []string {
	return []string{java, "-cp", classes, "-XX:TieredStopAtLevel=1", "-Xshare:auto",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Djava.awt.headless=true"}
}

func (k *KafkaProcess) configFile() string { return filepath.Join(k.dir, "server.properties") }

// format writes the configuration and prepares the storage directory for KRaft.
func (k *KafkaProcess) format(java, classes, listen, controller string) error {
	if err := os.WriteFile(k.configFile(), []byte(kafkaConfig(listen, k.Brokers[0], controller, filepath.Join(k.dir, "data"))), 0o644); err != nil {
		return fmt.Errorf("write Kafka's configuration: %w", err)
	}
	args := append(javaArgs(java, classes), "kafka.tools.StorageTool", "format",
		"--cluster-id", "c3RyZWFtbGVhcm5lci0x", "--config", k.configFile())
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("format Kafka's storage: %w\n%s", err, out)
	}
	return nil
}

// kafkaConfig gives one node that is broker and controller. Records are kept for ever, because tests write records
// whose timestamps are event times of the past; groups rebalance at once, sessions may be short, and
// a killed broker is soon forgotten by the controller, which refuses its successor until then.
func kafkaConfig(listen, broker, controller, data string) string {
	return strings.Join([]string{
		"process.roles=broker,controller",
		"node.id=1",
		"controller.quorum.voters=1@" + controller,
		"listeners=PLAINTEXT://" + listen + ",CONTROLLER://" + controller,
		"advertised.listeners=PLAINTEXT://" + broker,
		"listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
		"controller.listener.names=CONTROLLER",
		"inter.broker.listener.name=PLAINTEXT",
		"log.dirs=" + data,
		"log.retention.ms=-1",
		"auto.create.topics.enable=false",
		"num.partitions=1",
		"offsets.topic.replication.factor=1",
		"offsets.topic.num.partitions=4",
		"transaction.state.log.replication.factor=1",
		"transaction.state.log.min.isr=1",
		"transaction.state.log.num.partitions=1",
		"share.coordinator.state.topic.replication.factor=1",
		"share.coordinator.state.topic.min.isr=1",
		"share.coordinator.state.topic.num.partitions=1",
		"broker.heartbeat.interval.ms=500",
		"broker.session.timeout.ms=3000",
		"group.initial.rebalance.delay.ms=0",
		"group.min.session.timeout.ms=1000",
		"group.consumer.min.session.timeout.ms=1000",
		"group.consumer.session.timeout.ms=3000",
		"group.consumer.min.heartbeat.interval.ms=100",
		"group.consumer.heartbeat.interval.ms=300",
		"num.network.threads=2",
		"num.io.threads=4",
		"background.threads=2",
		"log.cleaner.dedupe.buffer.size=4194304",
		"",
	}, "\n")
}

func (k *KafkaProcess) up() error {
	if err := k.proc.start(); err != nil {
		return err
	}
	return k.proc.await(kafkaStartLimit, k.ready)
}

// ready succeeds when the broker is registered and its group coordinator answers, so that the first test that joins
// a group does not pay for the creation of the offsets topic.
func (k *KafkaProcess) ready() error {
	client, err := kgo.NewClient(kgo.SeedBrokers(k.Brokers...), kgo.RequestRetries(0))
	if err != nil {
		return fmt.Errorf("make a Kafka client: %w", err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	admin := kadm.NewClient(client)
	brokers, err := admin.ListBrokers(ctx)
	if err != nil {
		return fmt.Errorf("list the brokers: %w", err)
	}
	if len(brokers) != 1 {
		return fmt.Errorf("%d brokers are registered, want 1", len(brokers))
	}
	if _, err := admin.FetchOffsets(ctx, "testbed-ready"); err != nil {
		return fmt.Errorf("ask the group coordinator: %w", err)
	}
	return nil
}

// Kill ends the broker with SIGKILL; what it has acknowledged stays on disk.
func (k *KafkaProcess) Kill() { k.proc.kill() }

// Pause stops the broker with SIGSTOP: connections stay open and nothing answers.
func (k *KafkaProcess) Pause() error { return k.proc.signal(syscall.SIGSTOP) }

// Continue undoes Pause.
func (k *KafkaProcess) Continue() error { return k.proc.signal(syscall.SIGCONT) }

// Restart kills the broker and starts it on the same address and data.
func (k *KafkaProcess) Restart() error {
	k.proc.kill()
	return k.up()
}

// Stop kills the broker and removes its data.
func (k *KafkaProcess) Stop() {
	k.proc.kill()
	_ = os.RemoveAll(k.dir)
}

// KafkaServer starts a broker that belongs to this test alone, whatever KAFKA_BROKERS says, and ends it with the
// test. It takes several seconds.
func KafkaServer(t testing.TB) *KafkaProcess {
	t.Helper()
	return kafkaServer(t, nil)
}

// KafkaServerBehind is a KafkaServer whose clients reach it through a proxy.
func KafkaServerBehind(t testing.TB, proxy *Proxy) *KafkaProcess {
	t.Helper()
	return kafkaServer(t, proxy)
}

func kafkaServer(t testing.TB, proxy *Proxy) *KafkaProcess {
	t.Helper()
	k, err := StartKafkaBehind(proxy)
	if err != nil {
		t.Fatalf("testbed: %v", err)
	}
	t.Cleanup(k.Stop)
	return k
}

// sharedKafka is the broker of this test binary. Nothing stops it while the binary runs, since any later test may
// need it; its guard does when the binary ends.
var sharedKafka = sync.OnceValues(StartKafka)

// Kafka returns the brokers of a real Kafka: those that KAFKA_BROKERS names, or those of one broker that all tests of
// this binary share. Take topics from [Topic] and names of groups from [Name].
func Kafka(t testing.TB) []string {
	t.Helper()
	if brokers := os.Getenv(KafkaEnv); brokers != "" {
		return strings.Split(brokers, ",")
	}
	k, err := sharedKafka()
	if err != nil {
		t.Fatalf("testbed: %v", err)
	}
	return k.Brokers
}
