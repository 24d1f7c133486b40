// Command log-oracle judges Yuanping's log formats by other people's code, and makes some for
// Yuanping to judge: golang.org/x/mod/sumdb and transparency-dev's formats and merkle.
//
//	log-oracle check DIR   judge the golden vectors in DIR; prints how many statements held
//	log-oracle make N      print, as JSON, a log of N entries with keys, notes, proofs and tiles
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: log-oracle check DIR | make N")
	}
	if args[0] == "check" {
		count, err := check(args[1])
		if err == nil {
			fmt.Println(count)
		}
		return err
	}
	n, err := strconv.ParseUint(args[1], 10, 16)
	if err != nil {
		return err
	}
	made, err := build(int64(n))
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(made)
}

// entryOf gives the 32-byte entry at an index: the hash of its number in a format.
func entryOf(format string, index int64) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, format, index))
	return sum[:]
}

// memoryTree keeps all stored hashes of a growing log, as golang.org/x/mod numbers them.
type memoryTree struct {
	format string
	size   int64
	hashes []tlog.Hash
}

func newTree(format string) *memoryTree { return &memoryTree{format: format} }

func (t *memoryTree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, i := range indexes {
		found = append(found, t.hashes[i])
	}
	return found, nil
}

func (t *memoryTree) grow(size int64) {
	for ; t.size < size; t.size++ {
		more, err := tlog.StoredHashes(t.size, entryOf(t.format, t.size), t)
		if err != nil {
			panic(err) // memory does not fail
		}
		t.hashes = append(t.hashes, more...)
	}
}

func (t *memoryTree) root(size uint64) []byte {
	t.grow(int64(size))
	root, err := tlog.TreeHash(int64(size), t)
	if err != nil {
		panic(err)
	}
	return root[:]
}

func (t *memoryTree) leaf(index uint64) []byte {
	hash := tlog.RecordHash(entryOf(t.format, int64(index)))
	return hash[:]
}

type made struct {
	Log       string            `json:"log"`
	Witness   string            `json:"witness"`
	Note      string            `json:"note"`
	Roots     []string          `json:"roots"`
	Proofs    []string          `json:"proofs"`
	Consisten [][]string        `json:"consistency"`
	Tiles     map[string]string `json:"tiles"`
}

func build(size int64) (*made, error) {
	tree := newTree("go %d")
	tree.grow(size)
	out := &made{Tiles: map[string]string{}}
	checkpoint, err := out.sign(tree, size)
	if err != nil {
		return nil, err
	}
	for index := int64(0); index < size; index++ {
		out.Roots = append(out.Roots, hex.EncodeToString(tree.root(uint64(index))))
		file, err := proofOf(tree, size, index, checkpoint)
		if err != nil {
			return nil, err
		}
		out.Proofs = append(out.Proofs, file)
		steps := []string{}
		if index > 0 {
			path, err := tlog.ProveTree(size, index, tree)
			if err != nil {
				return nil, err
			}
			for _, h := range path {
				steps = append(steps, hex.EncodeToString(h[:]))
			}
		}
		out.Consisten = append(out.Consisten, steps)
	}
	return out, out.shelve(tree, size)
}

// sign makes fresh keys and gives a checkpoint signed by the log and cosigned by a witness.
func (m *made) sign(tree *memoryTree, size int64) ([]byte, error) {
	logSecret, logKey, err := note.GenerateKey(nil, "go.example/log")
	if err != nil {
		return nil, err
	}
	witnessSecret, witnessKey, err := note.GenerateKey(nil, "go.example/witness")
	if err != nil {
		return nil, err
	}
	m.Log = logKey
	if m.Witness, err = fnote.VKeyToCosignatureV1(witnessKey); err != nil {
		return nil, err
	}
	logSigner, err := note.NewSigner(logSecret)
	if err != nil {
		return nil, err
	}
	witnessSigner, err := fnote.NewSignerForCosignatureV1(witnessSecret)
	if err != nil {
		return nil, err
	}
	head := log.Checkpoint{Origin: "go.example/log", Size: uint64(size), Hash: tree.root(uint64(size))}
	signed, err := note.Sign(&note.Note{Text: string(head.Marshal())}, logSigner, witnessSigner)
	m.Note = string(signed)
	return signed, err
}

func proofOf(tree *memoryTree, size, index int64, checkpoint []byte) (string, error) {
	path, err := tlog.ProveRecord(size, index, tree)
	if err != nil {
		return "", err
	}
	file := proof.TLogProof{Index: uint64(index), Checkpoint: checkpoint}
	if index%2 == 1 {
		file.ExtraData = []byte("odd")
	}
	for _, h := range path {
		file.Hashes = append(file.Hashes, h)
	}
	return string(file.Marshal()), nil
}

func (m *made) shelve(tree *memoryTree, size int64) error {
	for _, t := range tlog.NewTiles(8, 0, size) {
		data, err := tlog.ReadTileData(t, tree)
		if err != nil {
			return err
		}
		m.Tiles[strings.Replace(t.Path(), "tile/8/", "tile/", 1)] = hex.EncodeToString(data)
	}
	return nil
}
