//! What shape the links have: which belong together, and which of these sets are trees.

use std::collections::BTreeMap;

use super::heap::NONE;

/// Components and trees, found once from the routes.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// The component of each link; links on one route belong together.
    pub(super) components: Vec<u32>,
    /// Of each link, the next one towards the root, in components that are trees.
    pub(super) parents: Vec<u32>,
    /// Of each component, whether all its routes lead from some link straight up to one root.
    trees: Vec<bool>,
}

impl Shape {
    pub(super) fn new(links: usize, routes: &[Vec<u32>]) -> Self {
        let components = components(links, routes);
        let count = components.iter().max().map_or(0, |&last| last as usize + 1);
        // What follows a link on every route: a link or, on its end, nothing.
        let mut follows: Vec<Option<u32>> = vec![None; links];
        let mut trees = vec![true; count];
        for route in routes {
            for (place, &link) in route.iter().enumerate() {
                let next = route.get(place + 1).copied().unwrap_or(NONE);
                let known = follows[link as usize].get_or_insert(next);
                if *known != next {
                    trees[components[link as usize] as usize] = false;
                }
            }
        }
        let parents = follows.into_iter().map(|next| next.unwrap_or(NONE)).collect();
        Self { components, parents, trees }
    }

    /// Whether a link belongs to a tree.
    pub(super) fn in_tree(&self, link: u32) -> bool {
        self.trees[self.components[link as usize] as usize]
    }
}

fn root(parents: &mut [u32], mut link: u32) -> u32 {
    while parents[link as usize] != link {
        parents[link as usize] = parents[parents[link as usize] as usize];
        link = parents[link as usize];
    }
    link
}

fn components(links: usize, routes: &[Vec<u32>]) -> Vec<u32> {
    let mut parents: Vec<u32> = (0..links as u32).collect();
    for route in routes {
        for pair in route.windows(2) {
            let (a, b) = (root(&mut parents, pair[0]), root(&mut parents, pair[1]));
            parents[a.max(b) as usize] = a.min(b);
        }
    }
    let mut names = BTreeMap::new();
    let name = |link| {
        let next = names.len() as u32;
        *names.entry(root(&mut parents, link)).or_insert(next)
    };
    (0..links as u32).map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_up_to_one_root_are_a_tree_also_from_inner_links() {
        let shape = Shape::new(4, &[vec![0, 2, 3], vec![1, 2, 3], vec![2, 3], vec![3]]);
        assert!((0..4).all(|link| shape.in_tree(link)));
        assert_eq!(shape.parents, [2, 2, 3, NONE]);
    }

    #[test]
    fn a_route_that_ends_early_or_forks_is_no_tree() {
        let shape = Shape::new(6, &[vec![0, 1], vec![0], vec![2, 3], vec![2, 4], vec![5]]);
        let trees: Vec<bool> = (0..6).map(|link| shape.in_tree(link)).collect();
        assert_eq!(trees, [false, false, false, false, false, true]);
        assert_eq!(shape.components, [0, 0, 1, 1, 1, 2]);
    }
}
