//! spec/runtime/dynamic_share.md · 4.1 Design Goals

use super::*;
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr};

type Share = DynamicShare<u32, u8>;

/// An asker at its own address in a network of its own.
fn alone(asker: u32) -> PlaceHolder<u32, u8> {
    at(asker, asker << 8)
}

fn at(asker: u32, address: u32) -> PlaceHolder<u32, u8> {
    let ip = IpAddr::V4(Ipv4Addr::from(address));
    PlaceHolder {
        asker,
        near: Some(Neighbourhood::of(ip)),
        source: Some(0),
    }
}

/// Takes places until none is given. Returns their number and what ended it.
fn fill(share: &mut Share, holder: &PlaceHolder<u32, u8>) -> (usize, ShareError) {
    let mut taken = 0;
    loop {
        if let Err(why) = share.check(holder) {
            return (taken, why);
        }
        share.take(holder);
        taken += 1;
    }
}

/// The page's bound: so many askers, in thousandths, hold places where none is left.
fn holders_least(places: usize) -> u128 {
    let wide = |count: usize| u128::try_from(count).unwrap();
    // The lone source's own places, of which so many are left where askers begin to share.
    let own = places * 15 / 16;
    let square = wide(own) * wide(own);
    (1..=wide((places * 3 / 16).saturating_sub(1)))
        .map(|x| 1000 * square / (square + x * x * x))
        .sum()
}

#[test]
fn a_lone_filler_has_three_quarters_and_a_newcomer_has_room_at_once() {
    for places in [4, 100, 1000, 262_144] {
        let mut share = Share::new(places);
        let (taken, why) = fill(&mut share, &alone(1));
        let small = places - taken;
        assert_eq!(why, ShareError::Asker);
        assert!(taken * 4 >= places * 3 && small > 0, "{taken} of {places}");
        // A share of the last quarter may follow.
        assert!(taken <= places * 3 / 4 + places / 64 + 1, "{taken}");
        assert_eq!(share.check(&alone(2)), Ok(()));
    }
}

#[test]
fn a_single_place_is_given_to_whoever_asks() {
    let mut share = Share::new(1);
    assert_eq!(fill(&mut share, &alone(1)), (1, ShareError::Full));
    assert_eq!(share.check(&alone(2)), Err(ShareError::Full));
    share.free(&alone(1));
    assert_eq!(share.check(&alone(2)), Ok(()));
}

#[test]
fn beside_k_fillers_the_page_s_share_is_left() {
    let places = 262_144;
    for k in [1_u32, 3, 27, 100] {
        let mut share = Share::new(places);
        for filler in 1..=k {
            fill(&mut share, &alone(filler));
        }
        let (taken, _) = fill(&mut share, &alone(1_000_000));
        // The newcomer's own places count, too: it is the last of k + 1. At least places / r^1.5.
        let r = u128::from(29 + 4 * k);
        let (taken, places) = (u128::try_from(taken).unwrap(), 262_144_u128 * 15 / 16);
        assert!(
            (taken + 1).pow(2) * r.pow(3) >= places.pow(2),
            "{k}: {taken}"
        );
    }
}

#[test]
fn askers_of_one_address_have_its_share_and_a_first_place_each() {
    let mut share = Share::new(10_000);
    for filler in 1..=100 {
        fill(&mut share, &at(filler, 7));
    }
    let (taken, why) = fill(&mut share, &at(200, 7));
    assert_eq!((taken, why), (1, ShareError::Neighbourhood));
    let (elsewhere, _) = fill(&mut share, &at(201, 8 << 8));
    assert!(
        elsewhere >= 2,
        "another address has a share of its own: {elsewhere}"
    );
}

#[test]
fn a_network_has_eight_shares_however_many_of_its_addresses_ask() {
    let mut share = Share::new(100_000);
    fill(&mut share, &alone(1));
    let mut in_network = 0;
    let mut last = None;
    for host in 0..200 {
        let (taken, why) = fill(&mut share, &at(1000 + host, (77 << 8) + host));
        in_network += taken;
        last = Some(why);
    }
    assert_eq!(last, Some(ShareError::Around));
    // Eight shares of what is free at the beginning at most, and a first place for each asker.
    assert!(
        in_network <= 8 * share_of(25_000, 100_000) + 200,
        "{in_network}"
    );
}

#[test]
fn a_source_leaves_a_sixteenth_of_what_it_finds() {
    let places = 65_536;
    let mut share = Share::new(places);
    let mut promised = places;
    for source in 0..3_u8 {
        // Ever new askers at ever new addresses: the source invents both.
        let mut asker = u32::from(source) << 24;
        while let Ok(()) = share.check(&PlaceHolder {
            source: Some(source),
            ..alone(asker)
        }) {
            share.take(&PlaceHolder {
                source: Some(source),
                ..alone(asker)
            });
            asker += 1;
        }
        let refused = share.check(&PlaceHolder {
            source: Some(source),
            ..alone(asker)
        });
        assert_eq!(refused, Err(ShareError::Source));
        promised /= 16;
        let free = places - share.held();
        assert!(free + 1 >= promised, "{source}: {free} < {promised}");
        assert_eq!(
            share.check(&PlaceHolder {
                source: Some(9),
                ..alone(u32::MAX)
            }),
            Ok(())
        );
    }
}

#[test]
fn who_holds_a_place_keeps_it_where_there_are_fewer() {
    let mut share = Share::new(100);
    fill(&mut share, &alone(1));
    share.set_places(10);
    assert_eq!(share.check(&alone(2)), Err(ShareError::Full));
    assert!(share.held_by(&1) >= 75);
    share.set_places(200);
    assert_eq!(share.check(&alone(2)), Ok(()));
}

/// One step of anybody.
#[derive(Debug, Clone)]
enum Step {
    Ask {
        asker: u32,
        address: u32,
        times: usize,
    },
    Free {
        nth: usize,
        times: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..60_u32, 0..40_u32, 1..400_usize)
            .prop_map(|(asker, address, times)| Step::Ask { asker, address: address * 97, times }),
        1 => (any::<usize>(), 1..50_usize).prop_map(|(nth, times)| Step::Free { nth, times }),
    ]
}

proptest! {
    /// However strong the fillers are and in whatever order they ask and free: a newcomer is
    /// refused only where as many askers hold places as the page says, nobody is refused while a
    /// quarter is free, and the counts are those of a plain list.
    #[test]
    fn a_newcomer_is_refused_only_beside_many_holders(
        places in 1..2_000_usize,
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut share = Share::new(places);
        let mut list: Vec<PlaceHolder<u32, u8>> = Vec::new();
        for step in steps {
            match step {
                Step::Ask { asker, address, times } => {
                    let holder = at(asker, address);
                    for _ in 0..times {
                        let answer = share.check(&holder);
                        let free = places - list.len();
                        let own = list.iter().filter(|held| held.asker == asker).count();
                        if free * 4 > places && answer == Err(ShareError::Asker) {
                            prop_assert!(false, "withheld while {free} of {places} are free");
                        }
                        if own == 0 && answer.is_err() {
                            let mut askers: Vec<u32> = list.iter().map(|held| held.asker).collect();
                            askers.sort_unstable();
                            askers.dedup();
                            let least = holders_least(places);
                            let holders = u128::try_from(askers.len()).unwrap();
                            prop_assert!(1000 * holders >= least, "{holders} < {least}");
                        }
                        if answer.is_err() {
                            break;
                        }
                        share.take(&holder);
                        list.push(holder);
                    }
                }
                Step::Free { nth, times } => {
                    for _ in 0..times {
                        if list.is_empty() {
                            break;
                        }
                        let holder = list.swap_remove(nth % list.len());
                        share.free(&holder);
                    }
                }
            }
            prop_assert_eq!(share.held(), list.len());
        }
        for holder in list {
            share.free(&holder);
        }
        prop_assert_eq!(share.held(), 0);
        prop_assert!(share.askers.is_empty() && share.sources.is_empty());
    }
}
