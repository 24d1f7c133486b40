package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/formats/witness"
	mproof "github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type treesFile struct {
	Trees []struct {
		Size        uint64
		Root        string
		Inclusion   [][]string
		Consistency [][]string
	}
}

type quorumsFile struct {
	Log, Policy string
	Witnesses   []string
	Cases       []struct {
		Name, Note string
		Code       *string
		Times      []int64
	}
}

type proofFile struct {
	Leaf, Extra, File string
	Index             uint64
}

type tilesFile struct {
	Size  int64
	Root  string
	Tiles []struct{ Path, Data string }
}

// check judges the golden vectors in dir and gives how many statements held.
func check(dir string) (int, error) {
	total := 0
	for _, part := range []func(string) (int, error){checkTrees, checkQuorums, checkProof, checkTiles} {
		count, err := part(dir)
		if err != nil {
			return 0, err
		}
		total += count
	}
	return total, nil
}

func read(dir, name string, into any) error {
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

func unhex(text string) []byte {
	raw, err := hex.DecodeString(text)
	if err != nil {
		panic(err) // our own vectors
	}
	return raw
}

func unhexAll(texts []string) [][]byte {
	var all [][]byte
	for _, text := range texts {
		all = append(all, unhex(text))
	}
	return all
}

func checkTrees(dir string) (int, error) {
	var file treesFile
	if err := read(dir, "trees.json", &file); err != nil {
		return 0, err
	}
	count := 0
	mine := newTree("entry %d")
	for _, tree := range file.Trees {
		root := unhex(tree.Root)
		for index, path := range tree.Inclusion {
			leaf := mine.leaf(uint64(index))
			if err := mproof.VerifyInclusion(rfc6962.DefaultHasher, uint64(index), tree.Size, leaf, unhexAll(path), root); err != nil {
				return 0, fmt.Errorf("inclusion %d of %d: %w", index, tree.Size, err)
			}
			count++
		}
		for old, path := range tree.Consistency {
			if old == 0 {
				continue // from the empty tree there is nothing to verify
			}
			before := mine.root(uint64(old))
			if err := mproof.VerifyConsistency(rfc6962.DefaultHasher, uint64(old), tree.Size, unhexAll(path), before, root); err != nil {
				return 0, fmt.Errorf("consistency %d to %d: %w", old, tree.Size, err)
			}
			count++
		}
	}
	return count, nil
}

func checkQuorums(dir string) (int, error) {
	var file quorumsFile
	if err := read(dir, "quorums.json", &file); err != nil {
		return 0, err
	}
	logKey, err := note.NewVerifier(file.Log)
	if err != nil {
		return 0, err
	}
	var witnesses []note.Verifier
	for _, text := range file.Witnesses {
		key, err := fnote.NewVerifierForCosignatureV1(text)
		if err != nil {
			return 0, err
		}
		witnesses = append(witnesses, key)
	}
	policy, err := witness.ParsePolicy(withURLs(file.Policy))
	if err != nil {
		return 0, err
	}
	count := 0
	for _, c := range file.Cases {
		_, rest, n, err := log.ParseCheckpoint([]byte(c.Note), logKey.Name(), logKey, witnesses...)
		good := err == nil && len(rest) == 0 && policy.Satisfied([]byte(c.Note))
		if c.Code == nil {
			if !good || fmt.Sprint(timesOf(n)) != fmt.Sprint(c.Times) {
				return 0, fmt.Errorf("%s: refused (%v) or other times", c.Name, err)
			}
		} else if good && !strictOnly[c.Name] {
			return 0, fmt.Errorf("%s: accepted", c.Name)
		}
		count++
	}
	return count, nil
}

// strictOnly names the shapes that C2SP lets pass and only Yuanping's quorum form refuses.
var strictOnly = map[string]bool{
	"one too many": true, "out of order": true, "log line last": true, "log line twice": true,
}

// withURLs adds the URL that this library wants after each witness's key.
func withURLs(policy string) []byte {
	lines := strings.Split(policy, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "witness ") {
			lines[i] = line + " https://witness.example/"
		}
	}
	return []byte(strings.Join(lines, "\n"))
}

func timesOf(n *note.Note) []int64 {
	var times []int64
	for _, sig := range n.Sigs[1:] {
		at, err := fnote.CoSigV1Timestamp(sig)
		if err != nil {
			return nil
		}
		times = append(times, at.Unix())
	}
	return times
}

func checkProof(dir string) (int, error) {
	var file proofFile
	if err := read(dir, "proof.json", &file); err != nil {
		return 0, err
	}
	var parsed proof.TLogProof
	if err := parsed.Unmarshal([]byte(file.File)); err != nil {
		return 0, err
	}
	if string(parsed.Marshal()) != file.File || string(parsed.ExtraData) != file.Extra || parsed.Index != file.Index {
		return 0, fmt.Errorf("the proof file reads back as another")
	}
	var head log.Checkpoint
	if _, err := head.Unmarshal(parsed.Checkpoint); err != nil {
		return 0, err
	}
	var hashes [][]byte
	for _, h := range parsed.Hashes {
		hashes = append(hashes, h[:])
	}
	return 1, mproof.VerifyInclusion(rfc6962.DefaultHasher, parsed.Index, head.Size, unhex(file.Leaf), hashes, head.Hash)
}

// checkTiles rebuilds the root from hash tiles alone, by the reader of golang.org/x/mod.
func checkTiles(dir string) (int, error) {
	var file tilesFile
	if err := read(dir, "tiles.json", &file); err != nil {
		return 0, err
	}
	shelf := tileShelf{}
	for _, t := range file.Tiles {
		shelf[t.Path] = unhex(t.Data)
	}
	tree := tlog.Tree{N: file.Size, Hash: tlog.Hash(unhex(file.Root))}
	for index := int64(0); index < tree.N; index++ {
		path, err := tlog.ProveRecord(tree.N, index, tlog.TileHashReader(tree, shelf))
		if err != nil {
			return 0, fmt.Errorf("tiles, leaf %d: %w", index, err)
		}
		if err := tlog.CheckRecord(path, tree.N, tree.Hash, index, tlog.RecordHash(entryOf("entry %d", index))); err != nil {
			return 0, err
		}
	}
	return int(2 * tree.N), checkBundles(shelf, tree.N)
}

// checkBundles compares every entry in full and partial bundles, each after its length.
func checkBundles(shelf tileShelf, size int64) error {
	for start := int64(0); start < size; start += 256 {
		path := fmt.Sprintf("tile/entries/%03d", start/256)
		if width := size - start; width < 256 {
			path += fmt.Sprintf(".p/%d", width)
		}
		var want []byte
		for index := start; index < min(start+256, size); index++ {
			want = append(append(want, 0, 32), entryOf("entry %d", index)...)
		}
		if !bytes.Equal(shelf[path], want) {
			return fmt.Errorf("bundle %s", path)
		}
	}
	return nil
}

// tileShelf serves tiles by their C2SP path; x/mod has the height in its path, C2SP has not.
type tileShelf map[string][]byte

func (tileShelf) Height() int { return 8 }

func (s tileShelf) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, t := range tiles {
		path := strings.Replace(t.Path(), "tile/8/", "tile/", 1)
		data, ok := s[path]
		if !ok {
			return nil, fmt.Errorf("no tile %s", path)
		}
		all = append(all, data)
	}
	return all, nil
}

func (tileShelf) SaveTiles([]tlog.Tile, [][]byte) {}
