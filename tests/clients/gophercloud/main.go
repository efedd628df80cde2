// Uses a cloud as a Go program does: gophercloud finds its services, follows pages, and decodes what it is answered into its types.
package main

import (
	"fmt"
	"os"

	"github.com/gophercloud/gophercloud"
	"github.com/gophercloud/gophercloud/openstack"
	"github.com/gophercloud/gophercloud/openstack/compute/v2/extensions/keypairs"
	"github.com/gophercloud/gophercloud/openstack/compute/v2/flavors"
	"github.com/gophercloud/gophercloud/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/openstack/imageservice/v2/images"
	"github.com/gophercloud/gophercloud/openstack/networking/v2/extensions/layer3/floatingips"
	"github.com/gophercloud/gophercloud/openstack/networking/v2/extensions/layer3/routers"
	"github.com/gophercloud/gophercloud/openstack/networking/v2/extensions/security/groups"
	"github.com/gophercloud/gophercloud/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/openstack/networking/v2/ports"
	"github.com/gophercloud/gophercloud/openstack/networking/v2/subnets"
	"github.com/gophercloud/gophercloud/pagination"
)

// must ends the program with what failed.
func must(what string, err error) {
	if err != nil {
		fmt.Println(what, "failed:", err)
		os.Exit(1)
	}
}

func main() {
	options, err := openstack.AuthOptionsFromEnv()
	must("reading the environment", err)
	provider, err := openstack.AuthenticatedClient(options)
	must("logging in", err)
	region := gophercloud.EndpointOpts{Region: os.Getenv("OS_REGION_NAME")}
	compute, err := openstack.NewComputeV2(provider, region)
	must("finding compute", err)
	network, err := openstack.NewNetworkV2(provider, region)
	must("finding network", err)
	image, err := openstack.NewImageServiceV2(provider, region)
	must("finding image", err)

	pages, err := flavors.ListDetail(compute, flavors.ListOpts{Limit: 2}).AllPages()
	must("listing flavors", err)
	sizes, err := flavors.ExtractFlavors(pages)
	must("reading flavors", err)
	pages, err = images.List(image, images.ListOpts{Limit: 1}).AllPages()
	must("listing images", err)
	pictures, err := images.ExtractImages(pages)
	must("reading images", err)
	fmt.Println(len(sizes), "flavors,", len(pictures), "images")

	port := plugged(network)
	_, err = keypairs.Create(compute, keypairs.CreateOpts{Name: "go"}).Extract()
	must("creating a key pair", err)
	wanted := servers.CreateOpts{
		Name: "go", ImageRef: pictures[0].ID, FlavorRef: "1", Networks: []servers.Network{{Port: port}},
	}
	server, err := servers.Create(compute, keypairs.CreateOptsExt{CreateOptsBuilder: wanted, KeyName: "go"}).Extract()
	must("creating a server", err)
	must("waiting for the server", servers.WaitForStatus(compute, server.ID, "ACTIVE", 60))
	server, err = servers.Get(compute, server.ID).Extract()
	must("reading the server", err)
	fmt.Println(server.Status, len(server.Addresses["go"].([]interface{})), "address")

	must("listing servers", servers.List(compute, servers.ListOpts{Limit: 1}).EachPage(func(page pagination.Page) (bool, error) {
		_, err := servers.ExtractServers(page)
		return true, err
	}))
	must("deleting the server", servers.Delete(compute, server.ID).ExtractErr())
	must("waiting until it is gone", gophercloud.WaitFor(60, func() (bool, error) {
		_, err := servers.Get(compute, server.ID).Extract()
		if _, gone := err.(gophercloud.ErrDefault404); gone {
			return true, nil
		}
		return false, err
	}))
	fmt.Println("gone")
}

// plugged makes a network with a port of a security group, and reads the routers and floating addresses; it returns the port.
func plugged(network *gophercloud.ServiceClient) string {
	net, err := networks.Create(network, networks.CreateOpts{Name: "go"}).Extract()
	must("creating a network", err)
	subnet, err := subnets.Create(network, subnets.CreateOpts{NetworkID: net.ID, CIDR: "10.7.0.0/24", IPVersion: 4}).Extract()
	must("creating a subnet", err)
	group, err := groups.Create(network, groups.CreateOpts{Name: "go"}).Extract()
	must("creating a security group", err)
	in := []string{group.ID}
	port, err := ports.Create(network, ports.CreateOpts{
		NetworkID: net.ID, SecurityGroups: &in, FixedIPs: []ports.IP{{SubnetID: subnet.ID}},
	}).Extract()
	must("creating a port", err)

	pages, err := routers.List(network, routers.ListOpts{}).AllPages()
	must("listing routers", err)
	_, err = routers.ExtractRouters(pages)
	must("reading routers", err)
	pages, err = floatingips.List(network, floatingips.ListOpts{}).AllPages()
	must("listing floating addresses", err)
	_, err = floatingips.ExtractFloatingIPs(pages)
	must("reading floating addresses", err)
	return port.ID
}
