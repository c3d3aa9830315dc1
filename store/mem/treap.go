package mem

// node is the root of a treap: a search tree by key that is at the same time a
// heap by weight. The weights are hashes of the keys, which makes the expected
// depth logarithmic (Seidel and Aragon, "Randomized Search Trees", 1996). A
// node is never changed once it is part of a tree; nil is the empty treap.
type node struct {
	key         string
	value       []byte
	weight      uint64
	left, right *node
}

// find returns the node of key, or nil.
func (n *node) find(key string) *node {
	for n != nil && n.key != key {
		if key < n.key {
			n = n.left
		} else {
			n = n.right
		}
	}
	return n
}

// split returns what is less and what is greater than key.
func (n *node) split(key string) (less, greater *node) {
	switch {
	case n == nil:
		return nil, nil
	case n.key < key:
		middle, greater := n.right.split(key)
		return &node{n.key, n.value, n.weight, n.left, middle}, greater
	case n.key > key:
		less, middle := n.left.split(key)
		return less, &node{n.key, n.value, n.weight, middle, n.right}
	}
	return n.left, n.right
}

// join returns the union of two treaps, where all keys of less are less than
// those of greater.
func join(less, greater *node) *node {
	switch {
	case less == nil:
		return greater
	case greater == nil:
		return less
	case less.weight > greater.weight:
		return &node{less.key, less.value, less.weight, less.left, join(less.right, greater)}
	}
	return &node{greater.key, greater.value, greater.weight, join(less, greater.left), greater.right}
}

// walk calls fn for the nodes from from (inclusive) to to (exclusive, "" = no
// bound) in order, or in reverse order, until fn returns false. It returns
// whether fn never did.
func (n *node) walk(from, to string, reverse bool, fn func(*node) bool) bool {
	if n == nil {
		return true
	}
	above, below := n.key >= from, to == "" || n.key < to
	first, second := n.left, n.right
	enterFirst, enterSecond := above, below
	if reverse {
		first, second = second, first
		enterFirst, enterSecond = below, above
	}
	if enterFirst && !first.walk(from, to, reverse, fn) {
		return false
	}
	if above && below && !fn(n) {
		return false
	}
	return !enterSecond || second.walk(from, to, reverse, fn)
}
