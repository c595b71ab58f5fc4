package main

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// tamper sends a command to Redis, behind the back of the program.
func (in *installation) tamper(args ...string) {
	in.t.Helper()
	conn, err := net.Dial("tcp", in.redis)
	if err != nil {
		in.t.Fatal(err)
	}
	defer conn.Close()
	request := fmt.Sprintf("*%d\r\n", len(args))
	for _, a := range args {
		request += fmt.Sprintf("$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := conn.Write([]byte(request)); err != nil {
		in.t.Fatal(err)
	}
	reply, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || strings.HasPrefix(reply, "-") {
		in.t.Fatalf("%q: %q, %v", args[:2], reply, err)
	}
}

// auditDoc is a record of audit list --json.
type auditDoc struct {
	Partition string            `json:"partition"`
	Record    state.AuditRecord `json:"record"`
}

// TestAudit lets a daemon learn and take orders, reads the trail, and tampers with it.
func TestAudit(t *testing.T) {
	t.Setenv("STREAMLEARNER_WHO", "ana@ops-1")
	t.Setenv("STREAMLEARNER_KAFKA_AUDIT_TOPIC", "audit")
	in := newInstallation(t)
	eventually(t, "all records are learned", func() bool {
		list := document[[]partitionReport](in, "snapshot", "list", "-c", in.config)
		return len(list) == 2 && list[0].Next == int64(in.events[0]) && list[1].Next == int64(in.events[1])
	})
	in.must("freeze", "fraud/0", "--why", "ticket 4711", "-c", in.config)

	list := document[[]auditDoc](in, "audit", "list", "fraud/0", "-c", in.config)
	var kinds []string
	for i, e := range list {
		if e.Record.Seq != uint64(i)+1 || e.Partition != "fraud/0" {
			t.Fatalf("record %d of the list is %+v", i, e)
		}
		if e.Record.Kind != state.AuditPublish {
			kinds = append(kinds, e.Record.Kind+" by "+e.Record.Who)
		}
	}
	if got := strings.Join(kinds, ", "); got != "init by automation, command by ana@ops-1, freeze by ana@ops-1, restore by ana@ops-1" || len(list) < 10 {
		t.Errorf("%d records; apart from versions: %s", len(list), got)
	}
	orders := document[[]auditDoc](in, "audit", "list", "fraud", "--kind", "command", "--since", "1h", "-c", in.config)
	if len(orders) != 1 || orders[0].Record.Why != "ticket 4711" || orders[0].Record.Command != "freeze" {
		t.Errorf("orders of the last hour: %+v", orders)
	}
	if all := in.must("audit", "list", "fraud", "--limit", "3", "-c", in.config); strings.Count(all, "\n") != 5 || !strings.Contains(all, "ticket 4711") {
		t.Errorf("the last three records:\n%s", all)
	}
	if one := in.must("audit", "show", "fraud/0", fmt.Sprint(orders[0].Record.Seq), "-c", in.config); !strings.Contains(one, "ana@ops-1") || !strings.Contains(one, "freeze") {
		t.Errorf("the record of the order:\n%s", one)
	}
	for _, bad := range []struct {
		code int
		want string
		args []string
	}{
		{exitFailed, "the newest is", []string{"show", "fraud/0", "99999"}},
		{exitUsage, "count from 1", []string{"show", "fraud/0", "x"}},
		{exitUsage, "must be one of init", []string{"list", "fraud", "--kind", "x"}},
		{exitUsage, "must be a duration", []string{"list", "fraud", "--since", "yesterday"}},
	} {
		if code, _, errs := in.call(append([]string{"audit", "-c", in.config}, bad.args...)...); code != bad.code || !strings.Contains(errs, bad.want) {
			t.Errorf("%q: exit code %d, %s", bad.args, code, errs)
		}
	}

	verify := []string{"audit", "verify", "fraud", "--mirror", "-c", in.config}
	eventually(t, "all is mirrored", func() bool {
		v := document[[]auditVerdict](in, verify...)
		return len(v) == 2 && v[0].Fault == nil && v[1].Fault == nil && v[0].Records > 0 && *v[0].Mirror >= v[0].Records && *v[1].Mirror >= v[1].Records
	})
	in.stop()
	in.broken(t, list)
}

// broken tampers with partition 0 in several ways, each of which is found.
func (in *installation) broken(t *testing.T, list []auditDoc) {
	const key, hash = "sl:{fraud/0}:audit", "sl:{fraud/0}:state"
	n := len(list)
	raw := func(i int) string { return string(list[i].Record.Bytes()) }
	edited := strings.Replace(raw(3), state.Automation, "nobody", 1)
	for _, c := range []struct {
		want string
		do   func()
	}{
		{want: "record 4 is edited", do: func() { in.tamper("LSET", key, "3", edited) }},
		{want: "record 4 is missing", do: func() { in.tamper("LSET", key, "3", raw(3)); in.tamper("LREM", key, "1", raw(3)) }},
		{want: "record 4 is reordered", do: func() { in.tamper("LINSERT", key, "AFTER", raw(4), raw(3)) }},
		{want: fmt.Sprintf("record %d is truncated", n), do: func() {
			in.tamper("LREM", key, "1", raw(3))
			in.tamper("LINSERT", key, "AFTER", raw(2), raw(3))
			in.tamper("RPOP", key)
		}},
		{want: fmt.Sprintf("record %d is truncated", n), do: func() { // with the account beside the state
			in.tamper("HSET", hash, "records", fmt.Sprint(n-1), "record", state.SumOf([]byte(raw(n-2))).String())
		}},
	} {
		c.do()
		code, out, errs := in.call("audit", "verify", "fraud", "-c", in.config)
		if code != exitFailed || !strings.Contains(out, c.want) || !strings.Contains(errs, "broken at 1 of 2 partitions") {
			t.Errorf("want %q: exit code %d\n%s%s", c.want, code, out, errs)
		}
	}
}
